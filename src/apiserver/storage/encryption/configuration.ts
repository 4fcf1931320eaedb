/**
 * EncryptionConfiguration of apiserver.config.k8s.io/v1: which resources are encrypted at rest, and how.
 * Source: https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/, k8s.io/apiserver/pkg/apis/apiserver/validation and
 * pkg/server/options/encryptionconfig/config.go.
 */
import { readFile } from "node:fs/promises";
import { isJsonObject, type JsonObject, type JsonValue } from "../../../apimachinery/json.ts";
import { type FieldError, fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { EncryptionConfigError } from "./config-error.ts";
import {
	aesCbcTransformer,
	aesGcmTransformer,
	identityTransformer,
	type PrefixedTransformer,
	prefixTransformers,
	secretboxTransformer,
	type Transformer,
} from "./transformers.ts";

/** Which transformer is for a resource; undefined: its values are stored as they are. */
export type TransformerFor = (group: string, resource: string) => Transformer | undefined;

interface Key {
	readonly name: string;
	readonly secret: Buffer;
}

interface Cipher {
	readonly prefix: string;
	/** In errors about keys. */
	readonly title: string;
	readonly secretBytes: readonly number[];
	make(secret: Buffer): Transformer;
}

const aesBytes = [16, 24, 32];
const ciphers: Readonly<Record<string, Cipher>> = {
	aesgcm: { prefix: "k8s:enc:aesgcm:v1:", title: "AES", secretBytes: aesBytes, make: aesGcmTransformer },
	aescbc: { prefix: "k8s:enc:aescbc:v1:", title: "AES", secretBytes: aesBytes, make: aesCbcTransformer },
	secretbox: { prefix: "k8s:enc:secretbox:v1:", title: "Secretbox", secretBytes: [32], make: secretboxTransformer },
};
const providerKinds = ["kms", ...Object.keys(ciphers), "identity"];
/** Stored by kube-apiserver for itself, without an API. */
const internalResources: ReadonlySet<string> = new Set(["apiserveripinfo", "serviceipallocations", "servicenodeportallocations"]);

/** Rejects with `EncryptionConfigError`. */
export async function loadEncryptionConfig(path: string): Promise<{ readonly text: string; readonly transformerFor: TransformerFor }> {
	const text = await readFile(path, "utf8").catch((error: unknown) => {
		throw new EncryptionConfigError(path, error instanceof Error ? error.message : String(error));
	});
	return { text, transformerFor: await parseEncryptionConfig(text, path) };
}

/** @param text of the file. Rejects with `EncryptionConfigError`. */
export async function parseEncryptionConfig(text: string, path: string): Promise<TransformerFor> {
	const { parse } = await import("yaml");
	try {
		return readEncryptionConfig(parse(text), path);
	} catch (error) {
		if (error instanceof EncryptionConfigError) throw error;
		throw new EncryptionConfigError(path, error instanceof Error ? error.message : String(error));
	}
}

/** @param value what stands in the file. @param path for messages. @throws EncryptionConfigError */
export function readEncryptionConfig(value: unknown, path: string): TransformerFor {
	const fail = (why: string) => new EncryptionConfigError(path, why);
	if (!isJsonObject(value)) throw fail("it is no object");
	if (value.kind !== "EncryptionConfiguration" || value.apiVersion !== "apiserver.config.k8s.io/v1") {
		throw fail(`got unexpected config type: ${String(value.apiVersion ?? "")}, Kind=${String(value.kind ?? "")}`);
	}
	const errors = validate(value);
	if (errors.length > 0) throw fail(errors.length === 1 ? String(errors[0]) : `[${errors.join(", ")}]`);
	const transformers = new Map<string, Transformer>();
	for (const { resources, providers } of rulesOf(value)) {
		const list = providers.flatMap((provider) => providersOf(provider, fail));
		const [first, ...rest] = list;
		if (first === undefined) continue;
		const transformer = prefixTransformers("no matching prefix found", [first, ...rest]);
		for (const name of resources) {
			const mask = [name, `*.${groupOf(name)}`, "*.*"].find((known) => transformers.has(known));
			if (mask !== undefined) throw fail(`resource ${JSON.stringify(name)} is masked by earlier rule ${JSON.stringify(mask)}`);
			transformers.set(name, transformer);
		}
	}
	return (group, resource) =>
		transformers.get(group === "" ? resource : `${resource}.${group}`) ?? transformers.get(`*.${group}`) ?? transformers.get("*.*");
}

const groupOf = (name: string): string => (name.includes(".") ? name.slice(name.indexOf(".") + 1) : "");

const listOf = (value: JsonValue | undefined): readonly JsonObject[] => (Array.isArray(value) ? value.filter(isJsonObject) : []);
const textOf = (value: JsonValue | undefined): string => (typeof value === "string" ? value : "");

function rulesOf({
	resources,
}: JsonObject): readonly { readonly resources: readonly string[]; readonly providers: readonly JsonObject[] }[] {
	return listOf(resources).map(({ resources: names, providers }) => ({
		resources: Array.isArray(names) ? names.map(String) : [],
		providers: listOf(providers),
	}));
}

const kindsOf = (provider: JsonObject): readonly string[] => providerKinds.filter((kind) => kind in provider);

function providersOf(provider: JsonObject, fail: (why: string) => Error): readonly PrefixedTransformer[] {
	const [kind = ""] = kindsOf(provider);
	if (kind === "identity") return [{ prefix: "", transformer: identityTransformer }];
	const cipher = ciphers[kind];
	if (cipher === undefined) throw fail("the KMS provider is not implemented in this version of kubesim (see docs/status.md)");
	const [first, ...rest] = keysOf(provider[kind]).map(({ name, secret }) => ({ prefix: `${name}:`, transformer: cipher.make(secret) }));
	if (first === undefined) return [];
	const none = `no matching key was found for the provided ${cipher.title} transformer`;
	return [{ prefix: cipher.prefix, transformer: prefixTransformers(none, [first, ...rest]) }];
}

function keysOf(settings: JsonValue | undefined): readonly Key[] {
	const keys = isJsonObject(settings) ? listOf(settings.keys) : [];
	return keys.map(({ name, secret }) => ({ name: textOf(name), secret: Buffer.from(textOf(secret), "base64") }));
}

function validate(value: JsonObject): readonly FieldError[] {
	const rules = rulesOf(value);
	if (rules.length === 0) return [fieldRequired("resources", "at least one resources is required")];
	return rules.flatMap(({ resources, providers }, index) => {
		const [names, list] = [`resources[${index}].resources`, `resources[${index}].providers`];
		return [
			...(resources.length === 0 ? [fieldRequired(names, `at least one ${names} is required`)] : []),
			...validateOverlap(resources, names),
			...resources.flatMap((name, at) => validateName(name, `${names}[${at}]`)),
			...(providers.length === 0 ? [fieldRequired(list, `at least one ${list} is required`)] : []),
			...providers.flatMap((provider, at) => validateProvider(provider, `${list}[${at}]`)),
		];
	});
}

function validateOverlap(names: readonly string[], path: string): readonly FieldError[] {
	const overlaps = names.some((name, index) =>
		names.some((other, at) => at !== index && other !== name && (name === "*.*" || name === `*.${groupOf(other)}`)),
	);
	return [
		...(new Set(names).size < names.length ? [fieldInvalid(path, names, "the same resource cannot be specified multiple times")] : []),
		...(overlaps
			? [
					fieldInvalid(
						path,
						names,
						"using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked",
					),
				]
			: []),
	];
}

function validateName(name: string, path: string): readonly FieldError[] {
	const invalid = (why: string) => [fieldInvalid(path, name, why)];
	if (name.toLowerCase() !== name) return invalid("resource name should not contain capital letters");
	if (name === "*") return invalid("use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources");
	if (internalResources.has(name)) return invalid("resources which do not have REST API/s cannot be encrypted");
	const group = groupOf(name);
	if (group === "events.k8s.io") {
		return invalid("'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' instead in the config file");
	}
	if (group === "extensions") return invalid("'extensions' group has been removed and cannot be used for encryption");
	return group === "*" && name !== "*.*" ? invalid("encrypting the same resource across groups is not supported") : [];
}

function validateProvider(provider: JsonObject, path: string): readonly FieldError[] {
	const kinds = kindsOf(provider);
	if (kinds.length === 0) {
		return [
			fieldInvalid(path, provider, "provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity"),
		];
	}
	if (kinds.length > 1) {
		return [
			fieldInvalid(path, "REDACTED", "more than one provider specified in a single element, should split into different list elements"),
		];
	}
	const [kind = ""] = kinds;
	const cipher = ciphers[kind];
	return cipher === undefined ? [] : validateKeys(provider[kind], cipher, `${path}.${kind}.keys`);
}

function validateKeys(settings: JsonValue | undefined, { secretBytes }: Cipher, path: string): readonly FieldError[] {
	const keys = isJsonObject(settings) ? listOf(settings.keys) : [];
	if (keys.length === 0) return [fieldRequired(path, "at least one keys is required")];
	return keys.flatMap(({ name, secret }, index) => [
		...(textOf(name) === "" ? [fieldRequired(`${path}[${index}].name`, "name is a mandatory field for a key")] : []),
		...validateSecret(textOf(secret), secretBytes, `${path}[${index}].secret`),
	]);
}

function validateSecret(secret: string, expected: readonly number[], path: string): readonly FieldError[] {
	if (secret === "") return [fieldRequired(path, "secret is a mandatory field for a key")];
	if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(secret)) {
		return [fieldInvalid(path, "REDACTED", "secrets must be base64 encoded")];
	}
	const { length } = Buffer.from(secret, "base64");
	if (expected.includes(length)) return [];
	return [fieldInvalid(path, "REDACTED", `secret is not of the expected length, got ${length}, expected one of [${expected.join(" ")}]`)];
}
