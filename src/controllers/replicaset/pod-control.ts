/**
 * Creates and deletes the pods of a controller's object, with the events that tell of it.
 * Source of behaviour and texts: RealPodControl, pkg/controller/controller_utils.go.
 */
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Pod, PodTemplateSpec } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { isDns1123Subdomain } from "../../apimachinery/validation/names.ts";
import type { ResourceClient } from "../../client/client.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import { controllerReference } from "../../client/owner.ts";

/** The pod that `owner` makes of its template. */
function podFromTemplate(template: PodTemplateSpec | undefined, owner: KubeObject, generateName: string): Pod {
	const { labels, annotations, finalizers } = template?.metadata ?? {};
	return {
		apiVersion: "v1",
		kind: "Pod",
		metadata: {
			generateName,
			...(owner.metadata?.namespace === undefined ? {} : { namespace: owner.metadata.namespace }),
			...(labels === undefined ? {} : { labels }),
			...(annotations === undefined ? {} : { annotations }),
			...(finalizers === undefined ? {} : { finalizers }),
			ownerReferences: [controllerReference(owner)],
		},
		...(template?.spec === undefined ? {} : { spec: template.spec }),
	};
}

/** `web-`, or the bare name where a dash would make it no name. */
function generateNameOf(ownerName: string): string {
	// What a generated name ends in does not matter to its validity, so a letter stands for the suffix.
	return isDns1123Subdomain(`${ownerName}-a`).length === 0 ? `${ownerName}-` : ownerName;
}

/** Whether a create failed because its namespace is being deleted: nothing to report, nothing to retry. */
export function isNamespaceTerminating(error: unknown): boolean {
	return isStatusError(error) && (error.status.details?.causes ?? []).some(({ reason }) => reason === "NamespaceTerminating");
}

export class PodControl {
	readonly #pods: ResourceClient<Pod>;
	readonly #recorder: EventRecorder;

	constructor(pods: ResourceClient<Pod>, recorder: EventRecorder) {
		this.#pods = pods;
		this.#recorder = recorder;
	}

	/** Rejects with the server's error. @param generateName what the pod's name begins with; default the owner's name and a dash. */
	async create(owner: KubeObject, template: PodTemplateSpec | undefined, generateName?: string): Promise<void> {
		const prefix = generateName ?? generateNameOf(owner.metadata?.name ?? "");
		try {
			const pod = await this.#pods.create(podFromTemplate(template, owner, prefix));
			this.#recorder.event(owner, "Normal", "SuccessfulCreate", `Created pod: ${pod.metadata?.name}`);
		} catch (error) {
			if (!isNamespaceTerminating(error)) this.#recorder.event(owner, "Warning", "FailedCreate", `Error creating: ${messageOf(error)}`);
			throw error;
		}
	}

	/** Resolves to false if the pod was gone already; rejects with the server's error. */
	async delete(owner: KubeObject, { metadata }: Pod): Promise<boolean> {
		const { namespace, name = "" } = metadata ?? {};
		try {
			await this.#pods.delete({ namespace, name });
		} catch (error) {
			if (isStatusError(error, "NotFound")) return false;
			this.#recorder.event(owner, "Warning", "FailedDelete", `Error deleting: ${messageOf(error)}`);
			throw error;
		}
		this.#recorder.event(owner, "Normal", "SuccessfulDelete", `Deleted pod: ${name}`);
		return true;
	}
}

/** The text of an error as Kubernetes shows it. */
export function messageOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
