/**
 * The authorizers of a server one after the other: the first that allows or denies has the last word.
 *
 * Members of system:masters may do everything, before anybody is asked: the group that kube-apiserver's own loopback
 * client is in. Source: k8s.io/apiserver/pkg/authorization/union and pkg/kubeapiserver/authorizer/reload.go
 */
import type { UserInfo } from "../../apimachinery/user.ts";
import {
	type AuthorizationAttributes,
	type Authorizer,
	aggregate,
	allowed,
	type Decision,
	type RuleList,
	type RuleResolver,
	undecided,
} from "./authorizer.ts";

/** Whose members may do everything. */
export const privilegedGroup = "system:masters";

export class UnionAuthorizer implements Authorizer, RuleResolver {
	readonly #authorizers: readonly (Authorizer & RuleResolver)[];

	constructor(authorizers: readonly (Authorizer & RuleResolver)[]) {
		this.#authorizers = authorizers;
	}

	authorize(attributes: AuthorizationAttributes): Decision | Promise<Decision> {
		if (attributes.user.groups.includes(privilegedGroup)) return allowed;
		return this.#ask(attributes, 0, undecided);
	}

	/** @param before what those said who had no opinion */
	#ask(attributes: AuthorizationAttributes, from: number, before: Decision): Decision | Promise<Decision> {
		let soFar = before;
		for (let index = from; index < this.#authorizers.length; index++) {
			const answer = this.#authorizers[index]?.authorize(attributes) ?? undecided;
			if (answer instanceof Promise) {
				return answer.then((decision) =>
					decision.verdict === "undecided" ? this.#ask(attributes, index + 1, join(soFar, decision)) : decision,
				);
			}
			if (answer.verdict !== "undecided") return answer;
			soFar = join(soFar, answer);
		}
		return soFar;
	}

	rulesFor(user: UserInfo, namespace: string): RuleList {
		const lists = this.#authorizers.map((authorizer) => authorizer.rulesFor(user, namespace));
		const errors = [...new Set(lists.map(({ error }) => error).filter((error) => error !== ""))];
		return {
			resourceRules: lists.flatMap(({ resourceRules }) => resourceRules),
			nonResourceRules: lists.flatMap(({ nonResourceRules }) => nonResourceRules),
			incomplete: lists.some(({ incomplete }) => incomplete),
			error: aggregate(errors),
		};
	}
}

/** Two that had no opinion: everybody's reasons are given, a line each. */
function join(before: Decision, after: Decision): Decision {
	const reasons = [before.reason, after.reason].filter((reason) => reason !== "");
	const errors = [before.error, after.error].filter((error) => error !== undefined);
	const error = errors.length === 0 ? {} : { error: aggregate(errors) };
	return { verdict: "undecided", reason: reasons.join("\n"), ...error };
}
