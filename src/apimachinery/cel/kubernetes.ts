/**
 * CEL as Kubernetes 1.36 configures it: the language with optional values and comparisons across types of numbers, and
 * Kubernetes' libraries. Source: k8s.io/apiserver/pkg/cel/environment/base.go.
 */
import { type Checked, check } from "./check/checker.ts";
import { Environment } from "./environment.ts";
import { authorizerLibrary } from "./library/authorizer.ts";
import { formatsLibrary } from "./library/formats.ts";
import { ipLibrary } from "./library/ip.ts";
import { listsLibrary, setsLibrary } from "./library/lists.ts";
import { optionalLibrary } from "./library/optional.ts";
import { quantityLibrary } from "./library/quantity.ts";
import { regexLibrary } from "./library/regex.ts";
import { semverLibrary } from "./library/semver.ts";
import { standardLibrary } from "./library/standard.ts";
import { stringsLibrary } from "./library/strings.ts";
import { urlsLibrary } from "./library/urls.ts";
import { compileProgram, type Program } from "./program/program.ts";
import { parse } from "./syntax/parser.ts";

export const kubernetesEnvironment: Environment = Environment.of({
	libraries: [
		standardLibrary,
		optionalLibrary,
		urlsLibrary,
		regexLibrary,
		listsLibrary,
		authorizerLibrary,
		quantityLibrary,
		stringsLibrary,
		setsLibrary,
		ipLibrary,
		formatsLibrary,
		semverLibrary,
	],
});

export interface CompiledExpression {
	readonly checked: Checked;
	readonly program: Program;
}

/** Parses, checks and compiles; or what is wrong, in cel-go's words. */
export function compileExpression(text: string, environment: Environment): CompiledExpression | { readonly problem: string } {
	const parsed = parse(text, environment);
	if ("issues" in parsed) return { problem: parsed.source.format(parsed.issues) };
	const checked = check(parsed.expr, environment);
	if ("issues" in checked) return { problem: parsed.source.format(checked.issues) };
	return { checked, program: compileProgram(checked, environment) };
}
