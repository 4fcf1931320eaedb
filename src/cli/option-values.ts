/** What the value of an option may be. Each throws commander's InvalidArgumentError, which names the option. */

import { InvalidArgumentError } from "commander";
import { FeatureGateError, parseFeatureGates, readFeatureGates } from "../apimachinery/feature-gates.ts";
import { parseGoDuration } from "../apimachinery/time.ts";
import { readAddons } from "../cluster/addons/addon-names.ts";

export function integerBetween(min: number, max: number) {
	return (text: string): number => {
		const value = Number(text);
		if (!/^\d+$/.test(text) || value < min || value > max)
			throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
		return value;
	};
}

export function oneOf(...choices: readonly number[]) {
	return (text: string): number => {
		const value = choices.find((choice) => String(choice) === text);
		if (value === undefined) throw new InvalidArgumentError(`It must be one of ${choices.join(", ")}.`);
		return value;
	};
}

export function positiveNumber(text: string): number {
	const value = Number(text);
	if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError("It must be a number greater than 0.");
	return value;
}

/** `30s`, `1m30s`; in milliseconds. */
export function goDuration(text: string): number {
	try {
		const durationMs = parseGoDuration(text);
		if (durationMs > 0) return durationMs;
	} catch {
		// Said below.
	}
	throw new InvalidArgumentError("It must be a duration like 30s or 1m30s.");
}

/** Names separated by commas; an empty text is none. */
export function nameList(text: string): readonly string[] {
	return text
		.split(",")
		.map((name) => name.trim())
		.filter((name) => name !== "");
}

/** URLs of etcd's members, separated by commas. */
export function endpointList(text: string): readonly string[] {
	const urls = text.split(",").map((url) => url.trim().replace(/\/$/, ""));
	const wrong = urls.find((url) => !/^https?:\/\/[^/]+$/.test(url) || !URL.canParse(url));
	if (wrong !== undefined)
		throw new InvalidArgumentError(`It must be URLs like http://127.0.0.1:2379, separated by commas; not "${wrong}".`);
	return urls;
}

/** `true` or `false`, as Go's flags take it. */
export function trueOrFalse(text: string): boolean {
	if (!/^(?:true|false)$/.test(text)) throw new InvalidArgumentError("It must be true or false.");
	return text === "true";
}

/** `key=value`; may be given several times. */
export function keyAndValue(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
	const [, key = "", value = ""] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
	if (key === "") throw new InvalidArgumentError("It must be key=value.");
	return { ...before, [key]: value };
}

/** Names of add-ons, separated by commas; an empty text is none. */
export function addonList(text: string): readonly string[] {
	try {
		return readAddons(nameList(text));
	} catch (error) {
		throw new InvalidArgumentError(error instanceof Error ? `${error.message}.` : String(error));
	}
}

/** `A=true,B=false`, of the gates that kubesim has. */
export function featureGates(text: string): Readonly<Record<string, boolean>> {
	try {
		const gates = parseFeatureGates(text);
		readFeatureGates(gates);
		return gates;
	} catch (error) {
		if (error instanceof FeatureGateError) throw new InvalidArgumentError(error.message);
		throw error;
	}
}
