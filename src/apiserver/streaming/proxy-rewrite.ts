/**
 * What a proxied answer says of its own server, as the client can reach it: below the proxy's path. Pure.
 * Source: apimachinery/pkg/util/proxy/transport.go.
 */

/** Attributes of HTML that hold addresses, by tag. */
const addressAttributes: Readonly<Record<string, readonly string[]>> = {
	a: ["href"],
	applet: ["codebase"],
	area: ["href"],
	audio: ["src"],
	base: ["href"],
	blockquote: ["cite"],
	body: ["background"],
	button: ["formaction"],
	command: ["icon"],
	del: ["cite"],
	embed: ["src"],
	form: ["action"],
	frame: ["longdesc", "src"],
	head: ["profile"],
	html: ["manifest"],
	iframe: ["longdesc", "src"],
	img: ["longdesc", "src", "usemap"],
	input: ["src", "usemap", "formaction"],
	ins: ["cite"],
	link: ["href"],
	object: ["classid", "codebase", "data", "usemap"],
	q: ["cite"],
	script: ["src"],
	source: ["src"],
	video: ["poster", "src"],
};

export interface ProxyAddresses {
	/** Path of the proxy itself, without a slash at its end. */
	readonly prefix: string;
	/** `10.244.0.2:80`, as the answering server knows itself. */
	readonly targetHost: string;
	/** The Host that the client asked for. */
	readonly requestHost: string;
}

/** An address in an answer; those of other hosts, and relative ones, stay as they are. */
export function rewriteAddress(address: string, { prefix, targetHost, requestHost }: ProxyAddresses): string {
	const match = /^(?:([a-z][a-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(.*)$/is.exec(address);
	const [, scheme, host = "", path = "", rest = ""] = match ?? [];
	const isOpaque = scheme !== undefined && host === "";
	if (isOpaque || (host !== "" && host !== targetHost && host !== requestHost) || !path.startsWith("/")) return address;
	const origin = host !== "" && host === requestHost ? `${scheme === undefined ? "" : `${scheme}:`}//${host}` : "";
	return origin + (path.startsWith(`${prefix}/`) ? path : prefix + path) + rest;
}

/** The addresses in the start tags of an HTML page. */
export function rewriteHtml(page: string, addresses: ProxyAddresses): string {
	return page.replace(/<([a-z][a-z0-9]*)(\s[^<>]*)>/gi, (tag: string, name: string, attributes: string) => {
		const names = addressAttributes[name.toLowerCase()];
		if (names === undefined) return tag;
		const rewritten = attributes.replace(
			/([a-z-]+)(\s*=\s*)(?:"([^"]*)"|'([^']*)')/gi,
			(whole: string, attribute: string, equals: string, double: string | undefined, single: string | undefined) => {
				if (!names.includes(attribute.toLowerCase())) return whole;
				const quote = double === undefined ? "'" : '"';
				return `${attribute}${equals}${quote}${rewriteAddress(double ?? single ?? "", addresses)}${quote}`;
			},
		);
		return `<${name}${rewritten}>`;
	});
}
