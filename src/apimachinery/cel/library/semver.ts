/** Semantic versions. Source: k8s.io/apiserver/pkg/cel/library/semverlib.go; https://semver.org. */
import { boolType, intType, objectType, stringType } from "../types/types.ts";
import { EvaluationError, noSuchOverload } from "../values/errors.ts";
import { asBool, asString, CelOpaque, type CelValue } from "../values/values.ts";
import { declare, type Library, member, overload } from "./function.ts";

const typeName = "kubernetes.Semver";
const semverType = objectType(typeName);

interface Version {
	readonly numbers: readonly [major: bigint, minor: bigint, patch: bigint];
	readonly prerelease: readonly string[];
}

class CelSemver extends CelOpaque {
	readonly typeName = typeName;
	readonly version: Version;

	constructor(version: Version) {
		super();
		this.version = version;
	}

	equals(other: CelOpaque): boolean {
		return other instanceof CelSemver && compareVersions(this.version, other.version) === 0;
	}
}

/** @param normalize whether `v1.2`, `01.2.3` and their like are put right first */
function parseVersion(text: string, normalize: boolean): Version | { readonly problem: string } {
	const parts = /^([^-+]*)(?:-([^+]*))?(?:\+(.*))?$/s.exec(normalize ? text.trim().replace(/^v/, "") : text);
	const [, core = "", prerelease, build] = parts ?? [];
	const given = core.split(".");
	const padded = normalize ? [...given, "0", "0"].slice(0, Math.max(3, given.length)) : given;
	if (padded.length !== 3) return { problem: "No Major.Minor.Patch elements found" };
	const numbers: bigint[] = [];
	for (const [at, field] of padded.entries()) {
		const name = ["major", "minor", "patch"][at];
		if (!/^\d+$/.test(field)) return { problem: `Invalid character(s) found in ${name} number ${JSON.stringify(field)}` };
		if (!normalize && field.length > 1 && field.startsWith("0")) {
			return {
				problem: `${name?.replace(/^./, (letter) => letter.toUpperCase())} number must not contain leading zeroes ${JSON.stringify(field)}`,
			};
		}
		if (field.length > 30 || BigInt(field) >= 2n ** 64n)
			return { problem: `strconv.ParseUint: parsing ${JSON.stringify(field)}: value out of range` };
		numbers.push(BigInt(field));
	}
	const identifiers = prerelease?.split(".") ?? [];
	for (const identifier of [...identifiers, ...(build?.split(".") ?? [])]) {
		if (identifier === "") return { problem: "Prerelease is empty" };
		if (!/^[0-9A-Za-z-]+$/.test(identifier)) return { problem: `Invalid character(s) found in prerelease ${JSON.stringify(identifier)}` };
	}
	const padding = identifiers.find((identifier) => /^0\d+$/.test(identifier));
	if (padding !== undefined) return { problem: `Numeric PreRelease version must not contain leading zeroes ${JSON.stringify(padding)}` };
	const [major = 0n, minor = 0n, patch = 0n] = numbers;
	return { numbers: [major, minor, patch], prerelease: identifiers };
}

function compareVersions(a: Version, b: Version): number {
	for (const [at, number] of a.numbers.entries()) {
		const other = b.numbers[at] ?? 0n;
		if (number !== other) return number < other ? -1 : 1;
	}
	if (a.prerelease.length === 0 || b.prerelease.length === 0) return Math.sign(b.prerelease.length - a.prerelease.length);
	for (const [at, identifier] of a.prerelease.entries()) {
		const other = b.prerelease[at];
		if (other === undefined) return 1;
		const order = compareIdentifiers(identifier, other);
		if (order !== 0) return order;
	}
	return a.prerelease.length < b.prerelease.length ? -1 : 0;
}

/** Numbers come before words. */
function compareIdentifiers(a: string, b: string): number {
	const isNumber = (text: string) => /^\d+$/.test(text);
	if (isNumber(a) && isNumber(b)) return BigInt(a) < BigInt(b) ? -1 : BigInt(a) > BigInt(b) ? 1 : 0;
	if (isNumber(a) !== isNumber(b)) return isNumber(a) ? -1 : 1;
	return a < b ? -1 : a > b ? 1 : 0;
}

const isNormalized = (value: CelValue): boolean => value !== null && asBool(value);

function semverOf(text: CelValue, normalize: CelValue): CelValue {
	const version = parseVersion(asString(text), isNormalized(normalize));
	if ("problem" in version) throw new EvaluationError(version.problem);
	return new CelSemver(version);
}

/** A version as semver.org writes it. Throws EvaluationError for a text that is none. */
export const versionOf = (text: string): CelValue => semverOf(text, null);

const isSemver = (text: CelValue, normalize: CelValue): CelValue => !("problem" in parseVersion(asString(text), isNormalized(normalize)));

function asVersion(value: CelValue): Version {
	if (!(value instanceof CelSemver)) throw noSuchOverload();
	return value.version;
}

const compare = (a: CelValue, b: CelValue): number => compareVersions(asVersion(a), asVersion(b));
const pair = [semverType, semverType];
const part = (name: string, at: 0 | 1 | 2) =>
	declare(name, [member(`semver_${name}`, [semverType], intType, (value) => asVersion(value).numbers[at])]);

export const semverLibrary: Library = {
	functions: [
		declare("semver", [
			overload("string_to_semver", [stringType], semverType, semverOf),
			overload("string_bool_to_semver", [stringType, boolType], semverType, semverOf),
		]),
		declare("isSemver", [
			overload("is_semver_string", [stringType], boolType, isSemver),
			overload("is_semver_string_bool", [stringType, boolType], boolType, isSemver),
		]),
		declare("isGreaterThan", [member("semver_is_greater_than", pair, boolType, (a, b) => compare(a, b) > 0)]),
		declare("isLessThan", [member("semver_is_less_than", pair, boolType, (a, b) => compare(a, b) < 0)]),
		declare("compareTo", [member("semver_compare_to", pair, intType, (a, b) => BigInt(compare(a, b)))]),
		part("major", 0),
		part("minor", 1),
		part("patch", 2),
	],
	typeNames: [[typeName, semverType]],
};
