/**
 * Create, update and patch: the one path of every write, from whatever the client sent to what the store keeps.
 *
 *   create: decode → default → admit (mutate) → prepare → allocate → validate → admit (validate) → store
 *   update: decode → default → admit → prepare against the old object → allocate → validate → admit → store
 *   patch:  apply to the current object → as update, tried again if somebody wrote in between
 *
 * What defaulting left is what owners of fields are told by (field-owners.ts, applier.ts); admission owns nothing.
 */

import type { OwnedFields } from "../../apimachinery/apply/managers.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { ObjectMeta, Service } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError, newBadRequest, newConflict, newInvalid, newStaleConflict } from "../../apimachinery/status-error.ts";
import { type FieldError, fieldInvalid } from "../../apimachinery/validation/field-error.ts";
import { type AdmissionChain, type AdmissionLookup, type AdmissionOperation, andThen } from "../admission/admission.ts";
import type { ServiceAddresses } from "../allocation/service-addresses.ts";
import type { EscalationCheck } from "../authorization/escalation.ts";
import type { KindDefinition } from "../registry/kind.ts";
import type { ResourceFinder } from "../registry/resource-table.ts";
import { JoinedWriteError, type UpdateOutcome } from "../storage/object-storage.ts";
import { Applier } from "./applier.ts";
import { decodeBody, isDecoded, knownVersion } from "./decode-body.ts";
import { changesOnlyTimes, FieldOwners, withManagedFields } from "./field-owners.ts";
import { validateMetadata, validateNewMetadata } from "./metadata-validation.ts";
import { applyPatch, patchDecoding, patchTypeOf } from "./patch.ts";
import { type AttributeSources, RequestAttributes } from "./request-attributes.ts";
import { type RequestContext, toServedVersion, toStorageVersion } from "./request-context.ts";
import { mainStrategy, prepareForCreate, type UpdateStrategy } from "./strategy.ts";
import { generateName, metadataForCreate, metadataForUpdate, withGeneration, withMetadata } from "./system-metadata.ts";

/** How many generated names are tried before the client is told that all were taken. */
const maxGenerateNameAttempts = 8;
/** How often a create begins anew because what goes with it was changed by somebody else. */
const maxJoinAttempts = 64;
const namespaceMismatch = "the namespace of the provided object does not match the namespace sent on the request";

export interface WriterOptions {
	readonly admission: AdmissionChain;
	readonly lookup: AdmissionLookup;
	readonly addresses: ServiceAddresses;
	readonly random: Random;
	readonly resources: ResourceFinder;
	/** Throws, or rejects with, Forbidden if the user may not create what the request is about; asked by an apply and a PUT to what is not there. */
	authorizeCreate(context: RequestContext): void | Promise<void>;
	/** Roles and bindings hand out no more than their writer has. */
	readonly escalation: EscalationCheck;
}

/** What an update is going to do. `release` gives back what was taken for it; called once. */
interface Computed {
	readonly outcome: UpdateOutcome;
	readonly release: () => void;
}

/** An object in storage form on its way to the store. */
export interface Made {
	readonly object: KubeObject;
	/** Its owners, where an apply decided them. */
	readonly owners?: readonly OwnedFields[];
}

export class Writer {
	readonly #admission: AdmissionChain;
	readonly #sources: AttributeSources;
	readonly #addresses: ServiceAddresses;
	readonly #random: Random;
	readonly #owners: FieldOwners;
	readonly #applier: Applier;
	readonly #authorizeCreate: (context: RequestContext) => void | Promise<void>;
	readonly #escalation: EscalationCheck;

	constructor(options: WriterOptions) {
		this.#admission = options.admission;
		this.#sources = { lookup: options.lookup, random: options.random };
		this.#addresses = options.addresses;
		this.#random = options.random;
		this.#owners = new FieldOwners(options.resources);
		this.#applier = new Applier(this.#owners);
		this.#authorizeCreate = (context) => options.authorizeCreate(context);
		this.#escalation = options.escalation;
	}

	/** Returns the stored object in the request's version. */
	async create(context: RequestContext, body: unknown): Promise<KubeObject> {
		const sent = decodeBody(context, body, context.endpoint.type);
		const { generateName: base = "" } = sent.metadata ?? {};
		const isGenerated = !sent.metadata?.name && base !== "";
		for (let attempt = 1; ; attempt++) {
			try {
				return await this.#createNamed(context, sent, undefined);
			} catch (error) {
				if (error instanceof JoinedWriteError && attempt < maxJoinAttempts) continue;
				if (!isGenerated || attempt >= maxGenerateNameAttempts || !isStatusError(error, "AlreadyExists")) throw error;
			}
		}
	}

	/** @param owners undefined: those that a create makes */
	async #createNamed(context: RequestContext, sent: KubeObject, owners: readonly OwnedFields[] | undefined): Promise<KubeObject> {
		const { definition, served, nowMs } = context;
		const placed = withMetadata(sent, this.#placeMetadata(context, sent.metadata ?? {}));
		const stored = toStorageVersion(context, placed);
		const named = withMetadata(stored, metadataForCreate(stored.metadata ?? {}, definition, { nowMs, random: this.#random }));
		const complete = definition.setDefaults?.(named) ?? named;
		const managedFields = owners ?? this.#owners.ofNew(context, complete);
		const defaulted = withManagedFields(complete, managedFields);
		const attributes = this.attributes(context, "CREATE", defaulted.metadata?.name ?? "", undefined);
		const mutating = this.#admission.mutate(defaulted, attributes);
		const mutated = mutating instanceof Promise ? await mutating : mutating;
		const checking = this.#checkEscalation(context, mutated, undefined);
		if (checking !== undefined) await checking;
		const prepared = prepareForCreate(served, mutated, { nowMs, user: context.user });
		const allocation = this.#allocate(context, prepared, undefined);
		try {
			const admitted = allocation?.service ?? prepared;
			const plainErrors = [...validateMetadata(context, admitted), ...(definition.validate?.(admitted) ?? [])];
			const expressionErrors = definition.validateExpressions?.(admitted, undefined, plainErrors);
			const errors = expressionErrors === undefined ? plainErrors : [...plainErrors, ...(await expressionErrors)];
			if (errors.length > 0) throw invalid(context, admitted, errors);
			const validating = this.#admission.validate(admitted, attributes);
			if (validating instanceof Promise) await validating;
			context.warnings.push(...(definition.warnings?.(admitted) ?? []));
			if (context.options.dryRun === true) return toServedVersion(context, this.#checkAbsent(context, admitted));
			const created = await context.storage.create(admitted, attributes.joined);
			const following = this.follow(context, undefined, created);
			if (following !== undefined) await following;
			return toServedVersion(context, created);
		} finally {
			allocation?.release();
			attributes.settle();
		}
	}

	#checkAbsent(context: RequestContext, object: KubeObject): KubeObject {
		const { namespace = "", name = "" } = object.metadata ?? {};
		context.storage.assertAbsent(namespace, name);
		return object;
	}

	/** The namespace comes from the request, a missing name from generateName. */
	#placeMetadata(context: RequestContext, metadata: ObjectMeta): ObjectMeta {
		const { namespace } = context;
		if (context.endpoint.namespaced && metadata.namespace !== undefined && metadata.namespace !== "" && metadata.namespace !== namespace) {
			throw newBadRequest(namespaceMismatch);
		}
		const { namespace: _, ...rest } = metadata;
		const placed: ObjectMeta = context.endpoint.namespaced ? { ...rest, namespace } : rest;
		if (placed.name || !placed.generateName) return placed;
		return { ...placed, name: generateName(placed.generateName, this.#random) };
	}

	/** PUT. Returns the object in the request's version, and whether it was made by this request. */
	async update(
		context: RequestContext,
		body: unknown,
		strategy: UpdateStrategy = mainStrategy(context.served),
	): Promise<{ object: KubeObject; created: boolean }> {
		const sent = decodeBody(context, body, context.endpoint.type, { known: knownVersion(context) });
		checkPlace(context, sent.metadata ?? {});
		const found = context.storage.find(context.namespace, context.name);
		if (found === undefined && context.definition.allowCreateOnUpdate === true && context.endpoint.subresource === "") {
			// Who may change what is there may not therefore make what is not.
			await this.#authorizeCreate(context);
			return { object: await this.create(context, body), created: true };
		}
		const stored = toStorageVersion(context, sent);
		return { object: await this.write(context, () => stored, strategy), created: false };
	}

	/** PATCH of whatever type. Returns the object in the request's version, and whether it was made by this request. */
	async patch(
		context: RequestContext,
		strategy: UpdateStrategy = mainStrategy(context.served),
	): Promise<{ object: KubeObject; created: boolean }> {
		const { body } = context.request;
		const patchType = patchTypeOf(context.request.patchType);
		if (patchType === "application/apply-patch+yaml") return this.#apply(context, strategy);
		const object = await this.write(
			context,
			(current) => {
				const patched = applyPatch(
					toServedVersion(context, current),
					patchType,
					body,
					context.endpoint.type,
					context.options.fieldValidation,
				);
				const known = isDecoded(context, current) ? current : undefined;
				const decoded = decodeBody(context, patched, context.endpoint.type, { ...patchDecoding(context.request, patched), known });
				checkPlace(context, decoded.metadata ?? {});
				return toStorageVersion(context, decoded);
			},
			strategy,
		);
		return { object, created: false };
	}

	/** Server-side apply: to the object if there is one, else it makes one. */
	async #apply(context: RequestContext, strategy: UpdateStrategy): Promise<{ object: KubeObject; created: boolean }> {
		const configuration = this.#applier.checkConfiguration(context, context.request.body, context.endpoint.type);
		const make = (current: KubeObject | undefined): Made => {
			const { object, owners } = this.#applier.apply(context, current, configuration, strategy.reset);
			const decoded = decodeBody(context, object, context.endpoint.type);
			checkPlace(context, decoded.metadata ?? {});
			return { object: current === undefined ? decoded : toStorageVersion(context, decoded), owners };
		};
		const isMissing = context.storage.find(context.namespace, context.name) === undefined;
		if (!isMissing || context.endpoint.subresource !== "") return { object: await this.writeMade(context, make, strategy), created: false };
		await this.#authorizeCreate(context);
		const { object, owners } = make(undefined);
		try {
			return { object: await this.#createNamed(context, object, owners), created: true };
		} catch (error) {
			// Somebody else was first: it is there now.
			if (!isStatusError(error, "AlreadyExists")) throw error;
			return { object: await this.writeMade(context, make, strategy), created: false };
		}
	}

	/** Applies a configuration to a part of the object that has an endpoint of its own, as /scale does. */
	get applier(): Applier {
		return this.#applier;
	}

	/**
	 * Writes what `make` makes of the current object, in storage form, under a strategy; computed anew if somebody
	 * else wrote in between, unless the new object names the resourceVersion that it was made from.
	 */
	write(
		context: RequestContext,
		make: (current: KubeObject) => KubeObject | Promise<KubeObject>,
		strategy: UpdateStrategy,
	): Promise<KubeObject> {
		return this.writeMade(context, (current) => andThen(make(current), (object) => ({ object })), strategy);
	}

	/** The same, where `make` may also say who owns what. */
	async writeMade(
		context: RequestContext,
		make: (current: KubeObject) => Made | Promise<Made>,
		strategy: UpdateStrategy,
	): Promise<KubeObject> {
		const compute = (current: KubeObject) => andThen(make(current), (made) => this.#computeUpdate(context, made, current, strategy));
		if (context.options.dryRun === true) {
			const current = context.storage.get(context.namespace, context.name);
			const { outcome, release } = await compute(current);
			release();
			return toServedVersion(context, outcome.action === "put" ? outcome.object : current);
		}
		let release: () => void = () => undefined;
		try {
			let before: KubeObject | undefined;
			const result = await context.storage.update(context.namespace, context.name, (current) => {
				release();
				release = () => undefined;
				before = current;
				return andThen(compute(current), (computed) => {
					release = computed.release;
					return computed.outcome;
				});
			});
			const following = this.follow(context, before, result.deleted ? undefined : result.object);
			if (following !== undefined) await following;
			return toServedVersion(context, result.object);
		} finally {
			release();
		}
	}

	#computeUpdate(context: RequestContext, made: Made, current: KubeObject, strategy: UpdateStrategy): Computed | Promise<Computed> {
		const { definition } = context;
		const { object: sent } = made;
		checkPreconditions(context, sent.metadata ?? {}, current.metadata ?? {});
		const placed = placedAs(sent, current);
		const defaulted = definition.setDefaults?.(placed) ?? placed;
		// Somebody may have to convert for them, and then all of this comes again: before webhooks of admission are asked.
		const isEarly = definition.isCustom === true && made.owners === undefined;
		const owners = isEarly ? this.#ownersAfterUpdate(context, sent, defaulted, current, strategy) : made.owners;
		if (strategy.isAdmitted === true)
			return this.#finishUpdate(context, { sent, owners, defaulted, mutated: defaulted }, current, strategy);
		const attributes = this.attributes(context, "UPDATE", context.name, current);
		return andThen(this.#admission.mutate(defaulted, attributes), (mutated) => {
			const finish = () => this.#finishUpdate(context, { sent, owners, defaulted, mutated, attributes }, current, strategy);
			return andThen(this.#checkEscalation(context, mutated, current), finish);
		});
	}

	/** From the object as plugins changed it to what is stored. */
	#finishUpdate(
		context: RequestContext,
		{
			sent,
			owners,
			defaulted,
			mutated,
			attributes,
		}: {
			readonly sent: KubeObject;
			readonly owners: readonly OwnedFields[] | undefined;
			readonly defaulted: KubeObject;
			readonly mutated: KubeObject;
			/** Absent: plugins have nothing to say. */
			readonly attributes?: RequestAttributes;
		},
		current: KubeObject,
		strategy: UpdateStrategy,
	): Computed | Promise<Computed> {
		const { definition, nowMs } = context;
		const prepared = strategy.prepare(mutated, current, { nowMs, user: context.user });
		const allocation = this.#allocate(context, prepared, current);
		const release = () => {
			allocation?.release();
			attributes?.settle();
		};
		const fail = (error: unknown): never => {
			release();
			throw error;
		};
		try {
			const allocated = allocation?.service ?? prepared;
			const counted = strategy.keepsGeneration === true ? allocated : withGeneration(allocated, current, definition);
			const admitted = withManagedFields(counted, owners ?? this.#ownersAfterUpdate(context, sent, defaulted, current, strategy));
			const errors = [...validateNewMetadata(context, admitted, current), ...strategy.validate(admitted, current)];
			const finish = (): Computed => {
				context.warnings.push(...(definition.warnings?.(admitted, current) ?? []));
				if (isReadyToGo(context, admitted)) return { outcome: { action: "delete" }, release };
				if (changesOnlyTimes(admitted, current)) return { outcome: { action: "keep" }, release };
				const joined = attributes?.joined ?? [];
				return { outcome: { action: "put", object: admitted, ...(joined.length === 0 ? {} : { joined }) }, release };
			};
			const conclude = (more: readonly FieldError[]): Computed | Promise<Computed> => {
				if (errors.length + more.length > 0) throw invalid(context, admitted, [...errors, ...more]);
				return andThen(attributes === undefined ? undefined : this.#admission.validate(admitted, attributes), finish);
			};
			const concluded = andThen(strategy.validateExpressions?.(admitted, current, errors) ?? [], conclude);
			return concluded instanceof Promise ? concluded.catch(fail) : concluded;
		} catch (error) {
			return fail(error);
		}
	}

	/** Undefined for what hands nothing out. */
	#checkEscalation(context: RequestContext, object: KubeObject, old: KubeObject | undefined): Promise<void> | undefined {
		const { user, namespace, definition, request } = context;
		const { group, resource } = definition;
		if (!this.#escalation.concerns(group, resource)) return undefined;
		return this.#escalation.check({ user, group, resource, namespace, name: request.name ?? "", object, old });
	}

	/** What goes with a stored write before it is answered: the objects of a Service's addresses. Undefined: nothing does. */
	follow({ definition }: RequestContext, before: KubeObject | undefined, after: KubeObject | undefined): Promise<void> | undefined {
		return isService(definition) ? this.#addresses.follow(before as Service | undefined, after as Service | undefined) : undefined;
	}

	#ownersAfterUpdate(context: RequestContext, sent: KubeObject, next: KubeObject, current: KubeObject, strategy: UpdateStrategy) {
		return this.#owners.afterUpdate(context, { current, next, sent: sent.metadata?.managedFields }, strategy);
	}

	#allocate(context: RequestContext, object: KubeObject, old: KubeObject | undefined) {
		return isService(context.definition) && context.endpoint.subresource === "" ? this.#addresses.allocate(object, old) : undefined;
	}

	attributes(context: RequestContext, operation: AdmissionOperation, name: string, oldObject: KubeObject | undefined): RequestAttributes {
		return new RequestAttributes(context, this.#sources, operation, name, oldObject);
	}

	/** Admission of what is not stored as it is: a review, a Binding, a Scale, the options of a stream. Returns it as plugins leave it. */
	admit(
		context: RequestContext,
		operation: AdmissionOperation,
		object: KubeObject,
		oldObject?: KubeObject,
	): KubeObject | Promise<KubeObject> {
		const attributes = this.attributes(context, operation, context.name, oldObject);
		const validated = (mutated: KubeObject) => andThen(this.#admission.validate(mutated, attributes), () => mutated);
		return andThen(this.#admission.mutate(object, attributes), validated);
	}
}

const isService = ({ group, kind }: KindDefinition): boolean => group === "" && kind === "Service";

/** An update or a patched object names the object that it goes to; its namespace may be left out. */
function checkPlace({ name, namespace }: RequestContext, sent: ObjectMeta): void {
	const { name: sentName = "", namespace: sentNamespace = "" } = sent;
	if (sentName === "") throw newBadRequest("name must be provided");
	if (sentName !== name) throw newBadRequest(`the name of the object (${sentName}) does not match the name on the URL (${name})`);
	if (sentNamespace !== "" && sentNamespace !== namespace) throw newBadRequest(namespaceMismatch);
}

/** A write keeps the name and namespace of the object that it goes to. */
function placeOf(current: KubeObject): Pick<ObjectMeta, "name" | "namespace"> {
	const { name, namespace } = current.metadata ?? {};
	return { ...(name === undefined ? {} : { name }), ...(namespace === undefined ? {} : { namespace }) };
}

/** What was sent, with the metadata that only the server writes: those that the object has, where they were not touched. */
function placedAs(sent: KubeObject, current: KubeObject): KubeObject {
	const { metadata: theirs = {} } = sent;
	const { metadata: ours = {} } = current;
	if (theirs === ours && ours.selfLink === undefined) return sent;
	return withMetadata(sent, metadataForUpdate({ ...theirs, ...placeOf(current) }, ours));
}

function checkPreconditions(context: RequestContext, sent: ObjectMeta, current: ObjectMeta): void {
	const { definition, name } = context;
	const resource = { group: definition.group, resource: definition.resource };
	const uid = sent.uid ?? "";
	if (uid !== "" && uid !== current.uid) {
		throw newConflict(resource, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.uid}`);
	}
	const version = sent.resourceVersion ?? "";
	if (version !== "" && version !== "0") {
		if (version !== current.resourceVersion) throw newStaleConflict(resource, name);
	} else if (definition.allowUnconditionalUpdate === false && context.request.verb === "update") {
		const detail = "must be specified for an update";
		throw newInvalid(definition, name, [fieldInvalid("metadata.resourceVersion", 0, detail)]);
	}
}

function invalid(context: RequestContext, object: KubeObject, errors: readonly FieldError[]) {
	return newInvalid(context.definition, object.metadata?.name ?? "", errors);
}

/** A deleted object goes when its last finalizer does and no grace period runs. */
function isReadyToGo(context: RequestContext, object: KubeObject): boolean {
	const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata ?? {};
	if (deletionTimestamp === undefined || deletionGracePeriodSeconds > 0 || finalizers.length > 0) return false;
	return context.definition.isDeletionBlocked?.(object) !== true;
}
