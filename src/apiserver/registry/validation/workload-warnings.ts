/**
 * What the API server warns of in workloads. Source: WarningsOnCreate and WarningsOnUpdate in
 * pkg/registry/apps and pkg/registry/batch of Kubernetes 1.36.
 */
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { isDns1123Label } from "../../../apimachinery/validation/names.ts";

/** A name that is no DNS label makes strange names of Pods; said when the object is made. */
export function podNameWarnings({ metadata }: KubeObject): readonly string[] {
	const texts = isDns1123Label(metadata?.name ?? "");
	if (texts.length === 0) return [];
	return [
		`metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${texts.join(" ")}]`,
	];
}

/** Whether an update left the desired state as it was, of which its author has been warned before. */
export function isUnchanged(object: KubeObject, old: KubeObject | undefined): boolean {
	return old !== undefined && object.metadata?.generation === old.metadata?.generation;
}
