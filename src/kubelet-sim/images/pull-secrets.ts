/**
 * Credentials for registries, out of Secrets of the types kubernetes.io/dockerconfigjson and kubernetes.io/dockercfg.
 * Source: https://kubernetes.io/docs/concepts/containers/images/#config-json (globs, paths, several entries for one registry).
 */
import { isJsonObject, type JsonObject } from "../../apimachinery/json.ts";
import type { Secret } from "../../apimachinery/schema/generated/types.ts";
import type { RegistryAccount } from "./registry-options.ts";

interface Entry {
	/** `registry.example.com:5000/team`, without scheme; labels of the host may be globs. */
	readonly place: string;
	readonly account: RegistryAccount;
}

/** An account, and the Secret that holds it. */
export interface PullCredential {
	readonly account: RegistryAccount;
	readonly secret: Secret;
}

/** All that may be shown for a repository, the most specific first; of what cannot be read nothing. */
export function credentialsFor(repository: string, secrets: readonly Secret[]): readonly PullCredential[] {
	return secrets
		.flatMap((secret) => entriesOf(secret).map((entry) => ({ ...entry, secret })))
		.filter(({ place }) => isFor(place, repository))
		.sort((a, b) => (a.place < b.place ? 1 : a.place > b.place ? -1 : 0))
		.map(({ account, secret }) => ({ account, secret }));
}

function entriesOf({ type, data = {} }: Secret): readonly Entry[] {
	if (type === "kubernetes.io/dockerconfigjson") {
		const config = parsed(data[".dockerconfigjson"]);
		return isJsonObject(config?.auths) ? readEntries(config.auths) : [];
	}
	const config = type === "kubernetes.io/dockercfg" ? parsed(data[".dockercfg"]) : undefined;
	return config === undefined ? [] : readEntries(config);
}

function parsed(base64: string | undefined): JsonObject | undefined {
	try {
		const value: unknown = JSON.parse(Buffer.from(base64 ?? "", "base64").toString());
		return isJsonObject(value) ? value : undefined;
	} catch (error) {
		if (error instanceof SyntaxError) return undefined;
		throw error;
	}
}

function readEntries(auths: JsonObject): readonly Entry[] {
	return Object.entries(auths).flatMap(([key, value]) => {
		const account = isJsonObject(value) ? accountOf(value) : undefined;
		return account === undefined ? [] : [{ place: placeOf(key), account }];
	});
}

function accountOf({ auth, username, password }: JsonObject): RegistryAccount | undefined {
	if (typeof auth === "string" && auth !== "") {
		const text = Buffer.from(auth, "base64").toString();
		const colon = text.indexOf(":");
		return colon === -1 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
	}
	return typeof username === "string" && typeof password === "string" ? { username, password } : undefined;
}

/** A key may be a URL; Docker Hub's is `https://index.docker.io/v1/`, and stands for all of it. */
function placeOf(key: string): string {
	const place = key
		.replace(/^https?:\/\//, "")
		.replace(/\/v[12]\/?$/, "")
		.replace(/\/$/, "");
	return place.replace(/^(?:index\.|registry-1\.)docker\.io/, "docker.io");
}

function isFor(place: string, repository: string): boolean {
	const [host = "", ...path] = place.split("/");
	const [repositoryHost = "", ...repositoryPath] = repository.split("/");
	if (!repositoryPath.join("/").startsWith(path.join("/"))) return false;
	const [name = "", port = ""] = host.split(":");
	const [repositoryName = "", repositoryPort = ""] = repositoryHost.split(":");
	const labels = name.split(".");
	const repositoryLabels = repositoryName.split(".");
	return (
		port === repositoryPort &&
		labels.length === repositoryLabels.length &&
		labels.every((label, at) => isGlobOf(label, repositoryLabels[at] ?? ""))
	);
}

/** `*` and `?` within one label. */
function isGlobOf(glob: string, label: string): boolean {
	const pattern = glob
		.replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
		.replaceAll("*", "[^.]*")
		.replaceAll("?", "[^.]");
	return new RegExp(`^${pattern}$`).test(label);
}
