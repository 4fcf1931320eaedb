/** What admission is told of one request, and what it leaves behind there: warnings, annotations, joined writes. */
import type { ApiRequest } from "../../apimachinery/api-request.ts";
import type { GroupVersionKind, KubeObject } from "../../apimachinery/meta.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import type { AdmissionAttributes, AdmissionLookup, AdmissionOperation } from "../admission/admission.ts";
import type { JoinedWrite } from "../storage/object-storage.ts";
import type { RequestContext } from "./request-context.ts";

/** Kinds that subresources take instead of the object's own, and their groups' versions. */
const foreignKinds: Readonly<Record<string, { readonly group: string; readonly version: string }>> = {
	Scale: { group: "autoscaling", version: "v1" },
	Eviction: { group: "policy", version: "v1" },
	TokenRequest: { group: "authentication.k8s.io", version: "v1" },
	Binding: { group: "", version: "v1" },
};
const nothing: readonly JoinedWrite[] = [];

export interface AttributeSources {
	readonly lookup: AdmissionLookup;
	readonly random: Random;
}

export class RequestAttributes implements AdmissionAttributes {
	readonly operation: AdmissionOperation;
	readonly name: string;
	readonly oldObject: KubeObject | undefined;
	readonly dryRun: boolean;
	readonly #context: RequestContext;
	readonly #sources: AttributeSources;
	#joined: JoinedWrite[] | undefined;
	/** How often the mutating plugins run. */
	#pass: "first" | "first of two" | "second" = "first";

	constructor(
		context: RequestContext,
		sources: AttributeSources,
		operation: AdmissionOperation,
		name: string,
		oldObject: KubeObject | undefined,
	) {
		this.operation = operation;
		this.name = name;
		this.oldObject = oldObject;
		this.dryRun = context.options.dryRun === true || context.request.deleteOptions?.dryRun?.includes("All") === true;
		this.#context = context;
		this.#sources = sources;
	}

	get group(): string {
		return this.#context.definition.group;
	}

	get version(): string {
		return this.#context.request.version;
	}

	get resource(): string {
		return this.#context.definition.resource;
	}

	get subresource(): string {
		return this.#context.endpoint.subresource;
	}

	get kind(): GroupVersionKind {
		const { definition, endpoint, request } = this.#context;
		const { kind } = endpoint;
		const { group, version } = foreignKinds[kind] ?? { group: definition.group, version: request.version };
		return { group, version, kind };
	}

	get namespace(): string {
		return this.#context.namespace;
	}

	get user(): UserInfo {
		return this.#context.user;
	}

	get request(): ApiRequest {
		return this.#context.request;
	}

	get nowMs(): number {
		return this.#context.nowMs;
	}

	get lookup(): AdmissionLookup {
		return this.#sources.lookup;
	}

	get random(): Random {
		return this.#sources.random;
	}

	get isReinvocation(): boolean {
		return this.#pass === "second";
	}

	askForReinvocation(): void {
		if (this.#pass === "first") this.#pass = "first of two";
	}

	beginReinvocation(): boolean {
		if (this.#pass !== "first of two") return false;
		this.#pass = "second";
		return true;
	}

	warn(text: string): void {
		this.#context.warnings.push(text);
	}

	annotate(key: string, value: string): void {
		this.#context.auditAnnotations[key] = value;
	}

	join(write: JoinedWrite): void {
		this.#joined ??= [];
		this.#joined.push(write);
	}

	/** What is to be stored together with the object. */
	get joined(): readonly JoinedWrite[] {
		return this.#joined ?? nothing;
	}

	/** Tells whoever joined that this attempt is over, however it ended. Once. */
	settle(): void {
		const joined = this.joined;
		this.#joined = undefined;
		for (const write of joined) write.settled();
	}
}
