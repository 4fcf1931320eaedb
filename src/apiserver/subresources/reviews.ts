/**
 * Reviews: objects that are questions. A create answers them; nothing is stored.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access and
 * pkg/registry/authorization
 */
import type { FieldRequirement } from "../../apimachinery/field-selector.ts";
import { FieldSelectorError } from "../../apimachinery/field-selector.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type {
	FieldSelectorAttributes,
	LabelSelectorAttributes,
	NonResourceAttributes,
	ResourceAttributes,
	SelfSubjectAccessReview,
	SelfSubjectRulesReview,
	SubjectAccessReview,
	SubjectAccessReviewStatus,
	SubjectRulesReviewStatus,
} from "../../apimachinery/schema/generated/types.ts";
import { labelSelectorFromObject, parseFieldSelector, parseLabelSelector, SelectorError } from "../../apimachinery/selector.ts";
import { newBadRequest, newNotImplemented } from "../../apimachinery/status-error.ts";
import { formatTime } from "../../apimachinery/time.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import type { AuthorizationAttributes, Authorizer, RuleResolver } from "../authorization/authorizer.ts";
import type { RequestContext } from "../pipeline/request-context.ts";

/** The review with its status filled in. Rejects with BadRequest for a question that is not put well. */
export async function answerReview(
	context: RequestContext,
	review: KubeObject,
	authorization: Authorizer & RuleResolver,
): Promise<KubeObject> {
	const { resource } = context.definition;
	switch (resource) {
		case "selfsubjectreviews": {
			const { name, uid, groups, extra } = context.user;
			const userInfo = { username: name, ...(uid === undefined ? {} : { uid }), groups, ...(extra === undefined ? {} : { extra }) };
			return { ...review, metadata: { creationTimestamp: formatTime(context.nowMs) }, status: { userInfo } } as KubeObject;
		}
		case "selfsubjectaccessreviews": {
			const { spec } = review as SelfSubjectAccessReview;
			return { ...review, status: await decide(context.user, spec, authorization) } as KubeObject;
		}
		case "subjectaccessreviews":
		case "localsubjectaccessreviews": {
			const { spec } = review as SubjectAccessReview;
			const { user: name = "", groups = [], uid, extra } = spec;
			const user: UserInfo = { name, groups, ...(uid === undefined ? {} : { uid }), ...(extra === undefined ? {} : { extra }) };
			return { ...review, status: await decide(user, spec, authorization) } as KubeObject;
		}
		case "selfsubjectrulesreviews": {
			const { namespace = "" } = (review as SelfSubjectRulesReview).spec;
			if (namespace === "") throw newBadRequest("no namespace on request");
			return { ...review, status: listRules(context.user, namespace, authorization) } as KubeObject;
		}
		default:
			throw newNotImplemented(`answering ${resource}`);
	}
}

function listRules(user: UserInfo, namespace: string, resolver: RuleResolver): SubjectRulesReviewStatus {
	const { resourceRules, nonResourceRules, incomplete, error } = resolver.rulesFor(user, namespace);
	return { resourceRules, nonResourceRules, incomplete, ...(error === "" ? {} : { evaluationError: error }) };
}

interface Question {
	readonly resourceAttributes?: ResourceAttributes;
	readonly nonResourceAttributes?: NonResourceAttributes;
}

async function decide(user: UserInfo, question: Question, authorizer: Authorizer): Promise<SubjectAccessReviewStatus> {
	const { attributes, problems } = readQuestion(user, question);
	const { verdict, reason, error } = await authorizer.authorize(attributes);
	const evaluationError = [...(error === undefined ? [] : [error]), ...problems].join("; ");
	return {
		allowed: verdict === "allow",
		...(verdict === "deny" ? { denied: true } : {}),
		...(reason === "" ? {} : { reason }),
		...(evaluationError === "" ? {} : { evaluationError }),
	};
}

/** Validation has seen to it that there is one of the two. */
function readQuestion(
	user: UserInfo,
	{ resourceAttributes: asked, nonResourceAttributes: url }: Question,
): { readonly attributes: AuthorizationAttributes; readonly problems: readonly string[] } {
	if (asked === undefined) return { attributes: { user, verb: url?.verb ?? "", path: url?.path ?? "" }, problems: [] };
	const { verb = "", group = "", version = "", resource = "", subresource = "", namespace = "", name = "" } = asked;
	const fields = readSelector(asked.fieldSelector, fieldsOf);
	const labels = readSelector(asked.labelSelector, labelsOf);
	const attributes: AuthorizationAttributes = {
		user,
		verb,
		group,
		version: version || "*",
		resource,
		subresource,
		namespace,
		name,
		...(fields.requirements.length === 0 ? {} : { fieldSelector: fields.requirements }),
		...(labels.requirements.length === 0 ? {} : { labelSelector: labels.requirements }),
	};
	const problems = Object.entries({ fieldSelector: fields, labelSelector: labels }).flatMap(([name, { requirements, hasErrors }]) => {
		const partially = requirements.length > 0 ? "partially " : "";
		return hasErrors ? [`spec.resourceAttributes.${name} ${partially}ignored due to parse error`] : [];
	});
	return { attributes, problems };
}

/** Requirements all have to hold, so that leaving out what cannot be read asks for more, not for less. */
interface ReadSelector<T> {
	readonly requirements: readonly T[];
	readonly hasErrors: boolean;
}

function readSelector<S, T>(selector: S | undefined, read: (selector: S) => ReadSelector<T>): ReadSelector<T> {
	if (selector === undefined) return { requirements: [], hasErrors: false };
	try {
		return read(selector);
	} catch (error) {
		if (error instanceof FieldSelectorError || error instanceof SelectorError) return { requirements: [], hasErrors: true };
		throw error;
	}
}

function fieldsOf({ rawSelector = "", requirements = [] }: FieldSelectorAttributes): ReadSelector<FieldRequirement> {
	if (rawSelector !== "") return { requirements: parseFieldSelector(rawSelector).requirements, hasErrors: false };
	const operators = { In: "=", NotIn: "!=" } as const;
	const read = requirements.flatMap(({ key = "", operator = "", values = [] }): FieldRequirement[] => {
		const [value, ...more] = values;
		if ((operator !== "In" && operator !== "NotIn") || value === undefined || more.length > 0) return [];
		return [{ field: key, operator: operators[operator], value }];
	});
	return { requirements: read, hasErrors: read.length < requirements.length };
}

function labelsOf({ rawSelector = "", requirements = [] }: LabelSelectorAttributes) {
	if (rawSelector !== "") return { requirements: parseLabelSelector(rawSelector).requirements, hasErrors: false };
	const read = requirements.map((requirement) =>
		readSelector({ matchExpressions: [requirement] }, (selector) => ({
			requirements: labelSelectorFromObject(selector).requirements,
			hasErrors: false,
		})),
	);
	return { requirements: read.flatMap((part) => part.requirements), hasErrors: read.some(({ hasErrors }) => hasErrors) };
}
