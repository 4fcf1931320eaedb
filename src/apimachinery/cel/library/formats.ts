/** Named formats of texts: `format.dns1123Label().validate(x)`. Source: k8s.io/apiserver/pkg/cel/library/format.go. */
import {
	isDns1035Label,
	isDns1123Label,
	isDns1123Subdomain,
	isQualifiedName,
	isValidLabelValue,
	nameIsDns1035Label,
	nameIsDnsLabel,
	nameIsDnsSubdomain,
} from "../../validation/names.ts";
import { listType, objectType, optionalType, stringType } from "../types/types.ts";
import { noSuchOverload } from "../values/errors.ts";
import { parseTimestamp } from "../values/time-values.ts";
import { ArrayList, asString, CelOpaque, CelOptional, type CelValue } from "../values/values.ts";
import { declare, type Library, member, overload } from "./function.ts";
import { urlProblem } from "./urls.ts";

const typeName = "kubernetes.NamedFormat";
const formatType = objectType(typeName);

/** What is wrong with a text; nothing if it has the format. */
type Validation = (text: string) => readonly string[];

class CelFormat extends CelOpaque {
	readonly typeName = typeName;
	readonly name: string;
	readonly validate: Validation;
	/** Length of the pattern behind it, which the cost counts with. */
	readonly regexSize: number;

	constructor(name: string, validate: Validation, regexSize: number) {
		super();
		this.name = name;
		this.validate = validate;
		this.regexSize = regexSize;
	}

	equals(other: CelOpaque): boolean {
		return other instanceof CelFormat && other.name === this.name;
	}
}

const unless = (isValid: boolean, problem: string): readonly string[] => (isValid ? [] : [problem]);
const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function isDate(text: string): boolean {
	return /^\d{4}-\d\d-\d\d$/.test(text) && parseTimestamp(`${text}T00:00:00Z`) !== undefined;
}

function uriProblems(text: string): readonly string[] {
	const problem = urlProblem(text);
	return problem === undefined ? [] : [problem];
}

const validations: readonly (readonly [name: string, validate: Validation, regexSize: number])[] = [
	["dns1123Label", isDns1123Label, 30],
	["dns1123Subdomain", isDns1123Subdomain, 60],
	["dns1035Label", isDns1035Label, 30],
	["qualifiedName", isQualifiedName, 60],
	["dns1123LabelPrefix", (text) => nameIsDnsLabel(text, true), 30],
	["dns1123SubdomainPrefix", (text) => nameIsDnsSubdomain(text, true), 60],
	["dns1035LabelPrefix", (text) => nameIsDns1035Label(text, true), 30],
	["labelValue", isValidLabelValue, 40],
	["uri", uriProblems, 1000],
	["uuid", (text) => unless(uuid.test(text), "does not match the UUID format"), 36],
	["byte", (text) => unless(base64.test(text), "invalid base64"), 1],
	["date", (text) => unless(isDate(text), "invalid date"), 5],
	["datetime", (text) => unless(parseTimestamp(text) !== undefined, "invalid datetime"), 20],
];

const formats = new Map(validations.map(([name, validate, size]) => [name, new CelFormat(name, validate, size)] as const));

function validate(format: CelValue, text: CelValue): CelValue {
	if (!(format instanceof CelFormat)) throw noSuchOverload();
	const problems = format.validate(asString(text));
	return new CelOptional(problems.length === 0 ? undefined : new ArrayList([...problems]));
}

export const formatsLibrary: Library = {
	functions: [
		...[...formats.values()].map((format) =>
			declare(`format.${format.name}`, [overload(`format_${format.name}`, [], formatType, () => format)]),
		),
		declare("format.named", [
			overload("format_named", [stringType], optionalType(formatType), (name) => new CelOptional(formats.get(asString(name)))),
		]),
		declare("validate", [member("format_validate", [formatType, stringType], optionalType(listType(stringType)), validate)]),
	],
	typeNames: [[typeName, formatType]],
};
