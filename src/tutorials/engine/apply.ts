/** Server-side apply as lessons do it, and what stands in for kubectl in them. */

import { lastAppliedAnnotation, noteOf } from "../../apimachinery/apply/last-applied.ts";
import type { JsonObject } from "../../apimachinery/json.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { ResourceClient } from "../../client/client.ts";

/** Takes fields from whoever owns them. Rejects with a StatusError. */
export async function applyAsLesson(client: ResourceClient<KubeObject>, object: KubeObject): Promise<KubeObject> {
	const ref = { namespace: object.metadata?.namespace, name: object.metadata?.name ?? "" };
	return await client.patch(ref, "application/apply-patch+yaml", noted(object), {
		options: { fieldManager: "kubesim-lesson", force: true },
	});
}

/** With kubectl's note, so that a learner's own `kubectl apply` of the file knows which fields are gone from it. */
function noted(object: KubeObject): KubeObject {
	const { metadata = {} } = object;
	const { annotations = {} } = metadata;
	const note = noteOf({ ...object, metadata: { ...metadata, annotations } } as unknown as JsonObject);
	return { ...object, metadata: { ...metadata, annotations: { ...annotations, [lastAppliedAnnotation]: note } } };
}
