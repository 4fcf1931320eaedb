/**
 * All that the API server knows of one kind, as one value. One file a kind, `registry/<group>/<kind>.ts`; the static
 * list in registry/kinds.ts is what discovery, OpenAPI, printing and the pipeline derive from.
 *
 * Hooks are pure and synchronous: they see the object, never the store. What needs other objects (quota, allocation
 * of addresses, owner checks) is admission or allocation, not a hook. The pipeline calls them in this order:
 *
 *   create:  decode → default → admission → prepareForCreate → allocate → validate → validateExpressions → store
 *   update:  decode → default → admission → prepareForUpdate(new, old) → allocate → validate + validateUpdate → validateExpressions → store
 *   status:  decode → default → (spec and labels are the old ones) → prepareForStatusUpdate → validateStatusUpdate → store
 */

import type { KubeObject } from "../../apimachinery/meta.ts";
import type { JSONSchemaProps } from "../../apimachinery/schema/generated/types.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import type { FieldError } from "../../apimachinery/validation/field-error.ts";

export interface PrintContext {
	/** Cluster time, Unix ms: AGE columns count from here. */
	readonly nowMs: number;
}

/** A column of `kubectl get`. Source: pkg/printers/internalversion/printers.go. */
export interface Column<T> {
	readonly name: string;
	readonly type: "string" | "integer" | "number" | "boolean" | "date";
	/** "name" marks the column that holds the object's name. */
	readonly format?: "name" | "int32" | "int64" | "quantity" | "duration";
	/** 0 is always shown, 1 only with `-o wide`. */
	readonly priority: 0 | 1;
	readonly description: string;
	/** Null where a custom resource has no value of the column's type. */
	cell(object: T, context: PrintContext): string | number | boolean | null;
}

/** What a Table says of a row as a whole: `kubectl get` may leave completed rows out. */
export interface RowCondition {
	readonly type: "Completed";
	readonly status: "True";
	readonly reason: string;
	readonly message: string;
}

export interface HookContext {
	/** Cluster time, Unix ms. */
	readonly nowMs: number;
	/** Who asks: a CertificateSigningRequest records its requestor. Absent for callers without an identity. */
	readonly user?: UserInfo;
}

export interface ScaleMapping<T> {
	/** Desired count. */
	specReplicas(object: T): number;
	statusReplicas(object: T): number;
	/** The label selector in its string form, for HPA. */
	selector(object: T): string;
	withReplicas(object: T, replicas: number): T;
	/** Where the count stands in the object; default spec.replicas. */
	readonly replicasPath?: readonly string[];
	/** Why the object has no scale to read: its count is not set. */
	missing?(object: T): string | undefined;
}

export interface KindDefinition<T extends KubeObject = KubeObject> {
	readonly group: string;
	readonly kind: string;
	/** Plural: `deployments`. Scope, verbs and subresources come from the schema's resource table. */
	readonly resource: string;
	readonly singular: string;
	/** Kind of lists; default the kind with `List` behind it. */
	readonly listKind?: string;
	/** A user has brought it: see extension/. Its definition is made for one version, and its hooks see that one. */
	readonly isCustom?: true;
	/** Of a custom kind: the schema of its objects, for OpenAPI. Undefined for one whose objects may hold anything. */
	readonly publishedSchema?: JSONSchemaProps | undefined;
	/** Its CustomResourceDefinition is being deleted: what is there can be read and deleted. */
	readonly isTerminating?: true;
	readonly shortNames?: readonly string[];
	readonly categories?: readonly string[];
	/** Served versions, preferred first; hooks and columns see the storage version. */
	readonly versions: readonly [string, ...string[]];
	readonly storageVersion: string;
	/**
	 * Segment of the storage key where it is not the resource's name: `services/specs` in
	 * /registry/services/specs/default/kubernetes.
	 */
	readonly storagePrefix?: string;
	/** Fills in what the user left out. Called on every write and idempotent. */
	setDefaults?(object: T): T;
	/** Drops or sets what a creator may not decide (status, generation is the pipeline's). Default: clears `status` where there is a status subresource. */
	prepareForCreate?(object: T, context: HookContext): T;
	/** A creator may set the status: nodes, whose kubelet registers with it. */
	readonly acceptsStatusOnCreate?: true;
	/** Same for updates of the main resource. Default: keeps the old `status` where there is a status subresource. */
	prepareForUpdate?(object: T, old: T, context: HookContext): T;
	prepareForStatusUpdate?(object: T, old: T, context: HookContext): T;
	/**
	 * What is wrong with the object. The pipeline has checked metadata and the schema (types, unknown and required fields).
	 * `old` is the stored object in an update: values that were allowed once may stay.
	 */
	validate?(object: T, old?: T): readonly FieldError[];
	validateUpdate?(object: T, old: T): readonly FieldError[];
	validateStatusUpdate?(object: T, old: T): readonly FieldError[];
	/**
	 * What is wrong with expressions in the object, after the other validation has said `errors`. Undefined where it has none:
	 * what reads expressions is loaded when the first one comes.
	 */
	validateExpressions?(object: T, old: T | undefined, errors: readonly FieldError[]): Promise<readonly FieldError[]> | undefined;
	/** A CertificateSigningRequest's /approval: where conditions may decide, as they may not through /status. */
	readonly approval?: {
		prepare(object: T, old: T, context: HookContext): T;
		validate(object: T, old: T): readonly FieldError[];
	};
	/** Name rule of metadata.name; default DNS-1123 subdomain. */
	validateName?(name: string, prefix: boolean): readonly string[];
	/** Finalizers need no domain. */
	readonly allowsBareFinalizers?: true;
	/** Whether the pipeline counts metadata.generation, raising it when anything but metadata and status changes. */
	readonly hasGeneration?: boolean;
	/**
	 * What raises metadata.generation besides: the status of custom resources whose status is no subresource; the annotations of Deployments, which
	 * their controller copies to ReplicaSets.
	 */
	readonly generationCounts?: "status" | "annotations";
	/** Answers a create and is never stored: reviews of tokens and of access. */
	readonly ephemeral?: true;
	/** A PUT to a name that is not there creates it (leases, events, endpoints …). */
	readonly allowCreateOnUpdate?: boolean;
	/** An update without resourceVersion is allowed (most kinds: true, the default). */
	readonly allowUnconditionalUpdate?: boolean;
	/**
	 * Seconds that an object lives on after a first DELETE; absent: the kind goes at once. Pods only.
	 * @param asked what the caller wants, >= 0; undefined leaves it to the object
	 */
	deletionGraceSeconds?(object: T, asked: number | undefined): number;
	/** How many levels of objects and lists a body may have, where users say what its parts are; default: the types' own. */
	readonly maxDepth?: number;
	/** Seconds after its last write at which an object goes by itself: events, 3600. */
	readonly ttlSeconds?: number;
	/** Written often and read rarely: the cache keeps its bytes and parses them when somebody asks. Events. */
	readonly isReadRarely?: true;
	/** More than metadata.finalizers holds back the end of a deleted object: namespaces, by spec.finalizers. */
	isDeletionBlocked?(object: T): boolean;
	/** What a deletion that has to wait changes besides metadata: a namespace's phase. */
	markDeleting?(object: T, old: T): T;
	/** Whether DELETE answers with the object rather than with a Status. */
	readonly returnDeletedObject?: boolean;
	/** Deletion policy when the caller names none; default background. */
	readonly defaultDeletion?: "orphan" | "background";
	readonly columns: readonly Column<T>[];
	/** Order of the rows of a Table; absent: the list's own, by key. FlowSchemas print by precedence. */
	compareRows?(a: T, b: T): number;
	/** Conditions of the object's row in a Table: Pods that are at their end. */
	rowConditions?(object: T): readonly RowCondition[];
	/** Fields a field selector may name, besides metadata.name and metadata.namespace. */
	selectableFields?(object: T): Readonly<Record<string, string>>;
	readonly scale?: ScaleMapping<T>;
	/** The text of the `Warning` header of every answer of a deprecated kind, reads included. */
	readonly deprecated?: string;
	/** Texts of `Warning` headers for what the user wrote: deprecated fields and values. An update gives the old object, too. */
	warnings?(object: T, old?: T): readonly string[];
	/** Converts from the storage version to a served one and back, where the two differ in more than apiVersion. */
	fromStorage?(object: T, version: string): KubeObject;
	toStorage?(object: KubeObject, version: string): T;
}

/** Types a kind's definition by its wire type; the list of kinds is untyped. */
export function defineKind<T extends KubeObject>(definition: KindDefinition<T>): KindDefinition {
	return definition as unknown as KindDefinition;
}
