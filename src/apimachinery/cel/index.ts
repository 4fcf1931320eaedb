/**
 * CEL, the expression language of Kubernetes' validation rules, policies and match conditions: own lexer, parser, checker,
 * cost estimate and evaluation, and Kubernetes' libraries of 1.36. Pure: no I/O, no state.
 *
 *   syntax/    text → tree, macros expanded
 *   types/     types, and when one fits another
 *   check/     tree → types and references; what it may cost
 *   program/   tree → closures; what it does cost
 *   values/    values, errors, JSON
 *   library/   functions
 *   regex/     RE2's regular expressions in linear time
 *   schema/    a definition's schema as types, its objects as values
 *   rules/     x-kubernetes-validations
 *   admission/ what expressions of policies and match conditions see, and whether it fits the kinds that they are for
 *   device/    what selectors of devices see
 *   free/      for expressions over values of any shape
 *   access/    what expressions about tokens, users and questions of authorization see
 *
 * Invariants: no expression throws anything but its own errors, overflows the stack, or takes more time than its cost says.
 * Loaded when the first expression comes.
 */
export {
	compileClaim,
	compileClaimCondition,
	compileReviewCondition,
	compileUserCondition,
	selectsClaim,
} from "./access/environment.ts";
export { compileFor, type Purpose, type Visible } from "./admission/environment.ts";
export { typeCheckPolicy } from "./admission/type-check.ts";
export { type CompiledSelector, compileDeviceSelector, maxSelectorCost, type SelectableDevice } from "./device/device-selector.ts";
export { compileFree } from "./free/environment.ts";
export type { CompiledExpression } from "./kubernetes.ts";
export {
	type AuthorizationAnswer,
	type AuthorizationCheck,
	type Authorize,
	authorizerValue,
	requestResourceValue,
} from "./library/authorizer.ts";
export type { Program } from "./program/program.ts";
export { type CompiledRules, compileRules, type RuleOptions } from "./rules/compile-rules.ts";
export { objectBudget, perCallLimit, type RuleResult, type RuleValidator } from "./rules/rule-validator.ts";
export { adapterOf } from "./schema/schema-values.ts";
export type { CelType } from "./types/types.ts";
export { EvaluationError } from "./values/errors.ts";
export { celToJson, jsonToCel } from "./values/json-values.ts";
export { CelList, CelMap, type CelValue, EntryMap } from "./values/values.ts";
