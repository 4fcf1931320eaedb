/** What the kernel knows of a pod's sandbox: its id, and which namespaces its containers share. */
import { createHash } from "node:crypto";
import type { Container, EphemeralContainer, Pod } from "../../apimachinery/schema/generated/types.ts";
import { allCapabilities, type Credentials, defaultCapabilities, maskOf, type NamespaceKeys } from "../../host/index.ts";
import type { Image } from "../images/image.ts";
import type { PodRecord } from "./pod-record.ts";

/** 64 hexadecimal digits: of the same sandbox always the same, so that nobody has to keep them. */
export function sandboxId(podUid: string, attempt: number): string {
	return createHash("sha256").update(`sandbox ${podUid} ${attempt}`).digest("hex");
}

/** Of a pod's present sandbox. */
export function sandboxIdOf({ pod, record }: { readonly pod: Pod; readonly record: PodRecord }): string {
	return sandboxId(pod.metadata?.uid ?? "", record.sandboxes.at(-1)?.attempt ?? 0);
}

/** What stands for the namespaces of the sandbox that are not the node's: the pod's worker. */
export function sandboxNamespaces(worker: { readonly pod: Pod }): NamespaceKeys {
	const { hostNetwork, hostIPC } = worker.pod.spec ?? {};
	return { ...(hostNetwork === true ? {} : { net: worker, uts: worker }), ...(hostIPC === true ? {} : { ipc: worker }) };
}

/** Who a container's processes are; undefined: root. https://kubernetes.io/docs/tasks/configure-pod-container/security-context/ */
export function credentialsOf({ spec }: Pod, container: Container | EphemeralContainer): Credentials | undefined {
	const own = container.securityContext ?? {};
	const ofPod = spec?.securityContext ?? {};
	const uid = own.runAsUser ?? ofPod.runAsUser;
	const gid = own.runAsGroup ?? ofPod.runAsGroup;
	const groups = [...(ofPod.fsGroup === undefined ? [] : [ofPod.fsGroup]), ...(ofPod.supplementalGroups ?? [])];
	if (uid === undefined && gid === undefined && groups.length === 0) return undefined;
	return { uid: uid ?? 0, gid: gid ?? 0, groups };
}

/**
 * Why a container must not run as whom it would; undefined: it may. Of an image that kubesim does not know nobody knows whom it runs as.
 * Source: verifyRunAsNonRoot of pkg/kubelet/kuberuntime/security_context_others.go
 */
export function nonRootProblem({ metadata, spec }: Pod, container: Container | EphemeralContainer, image: Image): string | undefined {
	const { runAsNonRoot, runAsUser } = { ...spec?.securityContext, ...definedParts(container.securityContext) };
	if (runAsNonRoot !== true || (runAsUser !== undefined && runAsUser !== 0)) return undefined;
	const where = `(pod: ${JSON.stringify(`${metadata?.name}_${metadata?.namespace}(${metadata?.uid})`)}, container: ${container.name})`;
	if (runAsUser === 0) return `container's runAsUser breaks non-root policy ${where}`;
	const { user = "0" } = image.config;
	if (image.usage?.isGuess === true) return undefined;
	if (!/^\d+$/.test(user))
		return `container has runAsNonRoot and image has non-numeric user (${user}), cannot verify user is non-root ${where}`;
	return Number(user) === 0 ? `container has runAsNonRoot and image will run as root ${where}` : undefined;
}

function definedParts({ runAsNonRoot, runAsUser }: NonNullable<Container["securityContext"]> = {}) {
	return { ...(runAsNonRoot === undefined ? {} : { runAsNonRoot }), ...(runAsUser === undefined ? {} : { runAsUser }) };
}

/** What a container's processes may do beyond what everybody may. */
export function capabilitiesOf({ securityContext }: Container | EphemeralContainer): bigint {
	if (securityContext?.privileged === true) return allCapabilities;
	const { add = [], drop = [] } = securityContext?.capabilities ?? {};
	// What is added stays, also of all that is dropped.
	return (defaultCapabilities & ~maskOf(drop)) | maskOf(add);
}
