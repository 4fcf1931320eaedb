/** The kinds of storage.k8s.io. */
import type { KindDefinition } from "../kind.ts";
import { csiDriver } from "./csi-driver.ts";
import { csiNode } from "./csi-node.ts";
import { csiStorageCapacity } from "./csi-storage-capacity.ts";
import { storageClass } from "./storage-class.ts";
import { volumeAttachment } from "./volume-attachment.ts";
import { volumeAttributesClass } from "./volume-attributes-class.ts";

export const storageKinds: readonly KindDefinition[] = [
	csiDriver,
	csiNode,
	csiStorageCapacity,
	storageClass,
	volumeAttachment,
	volumeAttributesClass,
];
