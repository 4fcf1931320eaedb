/** The resourceVersion of a read or watch, which callers must not make up. */
import { newBadRequest } from "../../apimachinery/status-error.ts";

/** 0 for an absent one. Throws BadRequest with kube-apiserver's text for what is no number. */
export function parseResourceVersion(text: string | undefined): number {
	if (text === undefined || text === "") return 0;
	const quoted = JSON.stringify(text);
	const refuse = (why: string) =>
		newBadRequest(`invalid resource version: resourceVersion: Invalid value: ${quoted}: strconv.ParseUint: parsing ${quoted}: ${why}`);
	if (!/^\d+$/.test(text)) throw refuse("invalid syntax");
	const revision = Number(text);
	if (!Number.isSafeInteger(revision)) throw refuse("value out of range");
	return revision;
}
