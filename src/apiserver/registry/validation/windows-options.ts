/**
 * What only Windows knows: credential specs, user names with a domain, and HostProcess containers.
 * Source: validateWindowsSecurityContextOptions, validateWindowsHostProcessPod in
 * pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import type { PodSpec, WindowsSecurityContextOptions } from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import { isDns1123Subdomain } from "../../../apimachinery/validation/names.ts";
import { containersOf } from "./containers-of.ts";
import { type FieldErrors, invalidFor, NO_ERRORS } from "./primitives.ts";

const maxCredentialSpecKiB = 64;
const maxDomainBytes = 256;
const maxUserBytes = 104;

const dnsLabel = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?";
const dnsDomain = new RegExp(`^${dnsLabel}(?:\\.${dnsLabel})*$`);
const netBiosDomain = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;

export function validateWindowsOptions(options: WindowsSecurityContextOptions | undefined, path: string): FieldErrors {
	if (options === undefined) return NO_ERRORS;
	const { gmsaCredentialSpecName: name, gmsaCredentialSpec: spec, runAsUserName: user } = options;
	const errors: FieldError[] = [];
	if (name !== undefined) errors.push(...invalidFor(`${path}.gmsaCredentialSpecName`, name, isDns1123Subdomain(name)));
	if (spec === "") errors.push(fieldInvalid(`${path}.gmsaCredentialSpec`, spec, "gmsaCredentialSpec cannot be an empty string"));
	else if (spec !== undefined && Buffer.byteLength(spec) > maxCredentialSpecKiB * 1024) {
		errors.push(fieldInvalid(`${path}.gmsaCredentialSpec`, spec, `gmsaCredentialSpec size must be under ${maxCredentialSpecKiB} KiB`));
	}
	if (user !== undefined) errors.push(...invalidFor(`${path}.runAsUserName`, user, isWindowsUserName(user)));
	return errors;
}

/** `USER` or `DOMAIN\USER`. */
function isWindowsUserName(name: string): string[] {
	if (name === "") return ["runAsUserName cannot be an empty string"];
	if (/\p{Cc}/u.test(name)) return ["runAsUserName cannot contain control characters"];
	const parts = name.split("\\");
	if (parts.length > 2) return ["runAsUserName cannot contain more than one backslash"];
	const user = parts.at(-1) ?? "";
	const domain = parts.length === 2 ? parts[0] : undefined;
	const errors: string[] = [];
	if (Buffer.byteLength(domain ?? "") >= maxDomainBytes) {
		errors.push(`runAsUserName's Domain length must be under ${maxDomainBytes} characters`);
	}
	if (domain !== undefined && !netBiosDomain.test(domain) && !dnsDomain.test(domain)) {
		errors.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
	}
	if (user === "") errors.push("runAsUserName's User cannot be empty");
	else if (Buffer.byteLength(user) > maxUserBytes) {
		errors.push(`runAsUserName's User length must not be longer than ${maxUserBytes} characters`);
	}
	if (/^[. ]+$/.test(user)) errors.push("runAsUserName's User cannot contain only periods or spaces");
	if (/["/\\:;|=,+*?<>@[\]]/.test(user)) {
		errors.push("runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]");
	}
	return errors;
}

/** HostProcess is for all containers of a Pod or for none, and on the host's network. */
export function validateHostProcess(spec: PodSpec, path: string): FieldErrors {
	const ofPod = spec.securityContext?.windowsOptions?.hostProcess;
	const errors: FieldError[] = [];
	const containers = containersOf(spec, path);
	let hostProcesses = 0;
	for (const [container, at] of containers) {
		const own = container.securityContext?.windowsOptions?.hostProcess;
		if (ofPod !== undefined && own !== undefined && ofPod !== own) {
			const text = `pod hostProcess value must be identical if both are specified, was ${ofPod}`;
			errors.push(fieldInvalid(`${at}.securityContext.windowsOptions.hostProcess`, own, text));
		}
		if ((own ?? ofPod) === true) hostProcesses++;
	}
	if (hostProcesses === 0) return errors;
	if (hostProcesses !== containers.length) {
		errors.push(fieldInvalid(path, "", "If pod contains any hostProcess containers then all containers must be HostProcess containers"));
	}
	if (spec.hostNetwork !== true) {
		errors.push(fieldInvalid(`${path}.hostNetwork`, false, "hostNetwork must be true if pod contains any hostProcess containers"));
	}
	return errors;
}
