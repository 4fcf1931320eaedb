/**
 * How the API server reaches a webhook: of admission or of conversion.
 * Source: k8s.io/apiserver/pkg/util/webhook/validation.go.
 */
import { type FieldError, fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { isDns1123Subdomain, isValidPortNumber } from "../../../apimachinery/validation/names.ts";
import { type FieldErrors, invalidFor } from "./primitives.ts";

interface ServiceReference {
	readonly name?: string;
	readonly namespace?: string;
	readonly path?: string;
	readonly port?: number;
}

interface WebhookClient {
	readonly url?: string;
	readonly service?: ServiceReference;
}

/** Exactly one of a URL and a Service. */
export function validateWebhookClient({ url, service }: WebhookClient, path: string): FieldErrors {
	if ((url === undefined) === (service === undefined)) return [fieldRequired(path, "exactly one of url or service is required")];
	return url === undefined ? validateService(service ?? {}, `${path}.service`) : validateUrl(url, `${path}.url`);
}

function validateUrl(text: string, path: string): FieldErrors {
	const form = "; desired format: https://host[/path]";
	const url = URL.parse(text);
	if (url === null) return [fieldRequired(path, `url must be a valid URL: parse ${JSON.stringify(text)}: invalid URI${form}`)];
	const errors: FieldError[] = [];
	if (url.protocol !== "https:") {
		errors.push(fieldInvalid(path, url.protocol.slice(0, -1), `'https' is the only allowed URL scheme${form}`));
	}
	if (url.host === "") errors.push(fieldInvalid(path, url.host, `host must be specified${form}`));
	if (url.username !== "" || url.password !== "") {
		errors.push(fieldInvalid(path, url.username, "user information is not permitted in the URL"));
	}
	if (url.hash !== "") errors.push(fieldInvalid(path, url.hash.slice(1), "fragments are not permitted in the URL"));
	if (url.search !== "") errors.push(fieldInvalid(path, url.search.slice(1), "query parameters are not permitted in the URL"));
	return errors;
}

function validateService({ name = "", namespace = "", path: urlPath, port = 443 }: ServiceReference, path: string): FieldErrors {
	return [
		...(name === "" ? [fieldRequired(`${path}.name`, "service name is required")] : []),
		...(namespace === "" ? [fieldRequired(`${path}.namespace`, "service namespace is required")] : []),
		...invalidFor(
			`${path}.port`,
			port,
			isValidPortNumber(port).map((text) => `port is not valid: ${text}`),
		),
		...(urlPath === undefined ? [] : validateUrlPath(urlPath, `${path}.path`)),
	];
}

function validateUrlPath(urlPath: string, path: string): FieldErrors {
	if (urlPath === "/" || urlPath === "") return [];
	if (urlPath === "//") return [fieldInvalid(path, urlPath, "segment[0] may not be empty")];
	if (!urlPath.startsWith("/")) return [fieldInvalid(path, urlPath, "must start with a '/'")];
	const segments = (urlPath.endsWith("/") ? urlPath.slice(1, -1) : urlPath.slice(1)).split("/");
	return segments.flatMap((segment, index) => {
		if (segment === "") return [fieldInvalid(path, urlPath, `segment[${index}] may not be empty`)];
		const texts = isDns1123Subdomain(segment);
		return texts.map((text) => fieldInvalid(path, urlPath, `segment[${index}]: ${text}`));
	});
}
