/**
 * URLs: absolute ones, and absolute paths, as Go's url.ParseRequestURI reads them.
 * Source: k8s.io/apiserver/pkg/cel/library/urls.go; https://pkg.go.dev/net/url#ParseRequestURI.
 */
import { boolType, listType, mapType, objectType, stringType } from "../types/types.ts";
import { EvaluationError, noSuchOverload } from "../values/errors.ts";
import { ArrayList, asString, CelOpaque, type CelValue, EntryMap } from "../values/values.ts";
import { declare, type Library, member, overload } from "./function.ts";

const typeName = "kubernetes.URL";
const urlType = objectType(typeName);

interface UrlParts {
	readonly scheme: string;
	/** With the port. */
	readonly host: string;
	readonly path: string;
	readonly query: string;
}

class CelUrl extends CelOpaque {
	readonly typeName = typeName;
	readonly text: string;
	readonly parts: UrlParts;

	constructor(text: string, parts: UrlParts) {
		super();
		this.text = text;
		this.parts = parts;
	}

	equals(other: CelOpaque): boolean {
		return other instanceof CelUrl && other.text === this.text;
	}
}

/** What is wrong with a URL, in Go's words. */
class UrlProblem {
	readonly text: string;

	constructor(text: string) {
		this.text = text;
	}
}

function parseUrl(text: string): UrlParts | UrlProblem {
	// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
	if (/[\u0000-\u001f\u007f]/.test(text)) return new UrlProblem("net/url: invalid control character in URL");
	if (text === "") return new UrlProblem("empty url");
	const queryAt = text.indexOf("?");
	const query = queryAt < 0 ? "" : text.slice(queryAt + 1);
	const withoutQuery = queryAt < 0 ? text : text.slice(0, queryAt);
	const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(withoutQuery)?.[1];
	if (scheme === undefined) {
		if (withoutQuery.startsWith(":")) return new UrlProblem("missing protocol scheme");
		if (!withoutQuery.startsWith("/")) return new UrlProblem("invalid URI for request");
		return parsePath("", "", withoutQuery, query);
	}
	const rest = withoutQuery.slice(scheme.length + 1);
	if (!rest.startsWith("/")) {
		return rest.startsWith("//") ? new UrlProblem("invalid URI for request") : { scheme: scheme.toLowerCase(), host: "", path: "", query };
	}
	if (!rest.startsWith("//")) return parsePath(scheme.toLowerCase(), "", rest, query);
	const slash = rest.indexOf("/", 2);
	const authority = rest.slice(2, slash < 0 ? undefined : slash);
	const host = parseHost(authority.slice(authority.lastIndexOf("@") + 1));
	if (host instanceof UrlProblem) return host;
	return parsePath(scheme.toLowerCase(), host, slash < 0 ? "" : rest.slice(slash), query);
}

function parseHost(host: string): string | UrlProblem {
	if (host.startsWith("[")) {
		const end = host.lastIndexOf("]");
		if (end < 0) return new UrlProblem("missing ']' in host");
		if (!isPort(host.slice(end + 1))) return new UrlProblem(`invalid port ${JSON.stringify(host.slice(end + 1))} after host`);
		return host;
	}
	const colon = host.lastIndexOf(":");
	if (colon >= 0 && !isPort(host.slice(colon))) return new UrlProblem(`invalid port ${JSON.stringify(host.slice(colon))} after host`);
	const bad = /[ "<>\\^`{|}]/.exec(host)?.[0];
	return bad === undefined ? unescapePercent(host) : new UrlProblem(`invalid character ${JSON.stringify(bad)} in host name`);
}

const isPort = (text: string): boolean => /^(:\d*)?$/.test(text);

function unescapePercent(text: string): string | UrlProblem {
	const bad = /%(?![0-9a-fA-F]{2}).{0,2}/s.exec(text)?.[0];
	return bad === undefined ? text : new UrlProblem(`invalid URL escape ${JSON.stringify(bad)}`);
}

function parsePath(scheme: string, host: string, path: string, query: string): UrlParts | UrlProblem {
	const checked = unescapePercent(path);
	if (checked instanceof UrlProblem) return checked;
	const escaped = path.replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/[\]%]/gu, (point) => encodeURIComponent(point));
	return { scheme, host, path: escaped, query };
}

function urlOf(text: CelValue): CelUrl {
	const parts = parseUrl(asString(text));
	if (parts instanceof UrlProblem) {
		throw new EvaluationError(`URL parse error during conversion from string: parse ${JSON.stringify(text)}: ${parts.text}`);
	}
	return new CelUrl(asString(text), parts);
}

/** What is wrong with a text that should be a URL; undefined if it is one. */
export function urlProblem(text: string): string | undefined {
	const parts = parseUrl(text);
	return parts instanceof UrlProblem ? `parse ${JSON.stringify(text)}: ${parts.text}` : undefined;
}

function asUrl(value: CelValue): UrlParts {
	if (!(value instanceof CelUrl)) throw noSuchOverload();
	return value.parts;
}

function hostname({ host }: UrlParts): string {
	if (host.startsWith("[")) return host.slice(1, host.lastIndexOf("]"));
	return host.includes(":") ? host.slice(0, host.lastIndexOf(":")) : host;
}

function port({ host }: UrlParts): string {
	return /:(\d*)$/.exec(host.slice(host.lastIndexOf("]") + 1))?.[1] ?? "";
}

/** Keys with their values, in order; what cannot be decoded is left out. */
function queryValues({ query }: UrlParts): CelValue {
	const values = new Map<string, string[]>();
	for (const pair of query.split("&")) {
		if (pair === "" || pair.includes(";")) continue;
		const equals = pair.indexOf("=");
		try {
			const [key, value] = [equals < 0 ? pair : pair.slice(0, equals), equals < 0 ? "" : pair.slice(equals + 1)].map((part) =>
				decodeURIComponent(part.replaceAll("+", " ")),
			);
			const list = values.get(key ?? "") ?? [];
			list.push(value ?? "");
			values.set(key ?? "", list);
		} catch (error) {
			if (!(error instanceof URIError)) throw error;
		}
	}
	return EntryMap.of([...values].map(([key, list]) => [key, new ArrayList(list)] as const));
}

const getter = (name: string, id: string, get: (parts: UrlParts) => string) =>
	declare(name, [member(id, [urlType], stringType, (url) => get(asUrl(url)))]);

export const urlsLibrary: Library = {
	functions: [
		declare("url", [overload("string_to_url", [stringType], urlType, urlOf)]),
		declare("isURL", [overload("is_url_string", [stringType], boolType, (text) => !(parseUrl(asString(text)) instanceof UrlProblem))]),
		getter("getScheme", "url_get_scheme", ({ scheme }) => scheme),
		getter("getHost", "url_get_host", ({ host }) => host),
		getter("getHostname", "url_get_hostname", hostname),
		getter("getPort", "url_get_port", port),
		getter("getEscapedPath", "url_get_escaped_path", ({ path }) => path),
		declare("getQuery", [member("url_get_query", [urlType], mapType(stringType, listType(stringType)), (url) => queryValues(asUrl(url)))]),
	],
	typeNames: [[typeName, urlType]],
};
