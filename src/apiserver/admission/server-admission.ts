/** The admission of one API server: the plugins that are turned on, and what those of them ask that look beyond the request. */
import type { ApiRequest } from "../../apimachinery/api-request.ts";
import type { Logger } from "../../apimachinery/log.ts";
import { parseApiVersion } from "../../apimachinery/meta.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import type { Authorizer } from "../authorization/authorizer.ts";
import type { Require } from "../authorization/question.ts";
import type { ServedKinds } from "../extension/served-kinds.ts";
import type { StorageTable } from "../storage/storage-table.ts";
import type { WebhookClient } from "../webhooks/webhook-client.ts";
import type { AdmissionChain, AdmissionPlugin } from "./admission.ts";
import { certificateAdmission } from "./certificates.ts";
import { deviceClaimRules } from "./device-claims.ts";
import { namespaceAutoProvision } from "./namespace-existence.ts";
import { ownerReferencesPermissionEnforcement } from "./owner-references.ts";
import { type AdmissionOptions, createAdmission } from "./plugins.ts";
import { policyAuthorizer } from "./policy/policy-authorizer.ts";
import { createPolicyPlugins } from "./policy/policy-plugins.ts";
import { resourceQuotaAdmission } from "./quota/resource-quota.ts";
import { createWebhookPlugins } from "./webhook/webhook-plugins.ts";

const registration = "admissionregistration.k8s.io";

export interface ServerAdmissionOptions {
	readonly storages: StorageTable;
	readonly served: ServedKinds;
	readonly authorizer: Authorizer & { readonly require: Require };
	/** Throws Forbidden, or rejects with it. */
	readonly authorize: (user: UserInfo, request: ApiRequest) => void | Promise<void>;
	/** Carries out a request of the server's own. */
	readonly handle: (request: ApiRequest) => Promise<unknown>;
	readonly webhooks: () => Promise<WebhookClient>;
	readonly log: Logger;
}

/** Throws AdmissionSwitchError, see `createAdmission`. */
export function createServerAdmission(server: ServerAdmissionOptions, options: AdmissionOptions | undefined): AdmissionChain {
	const { storages, served, authorizer, authorize, handle, webhooks, log } = server;
	const require: Require = (question) => authorizer.require(question);
	const authorizeInPolicy = policyAuthorizer(authorizer);
	const quotas = storages.get("", "resourcequotas");
	const plugins: readonly AdmissionPlugin[] = [
		...createPolicyPlugins({
			authorize: authorizeInPolicy,
			findKind: (group, version, kind) => {
				const found = served.findKind(group, version, kind);
				if (found === undefined) return undefined;
				const { definition, resource, customType } = found;
				return {
					resource: definition.resource,
					isNamespaced: resource.namespaced,
					type: resource.type,
					customType,
					setDefaults: (object) => definition.setDefaults?.(object) ?? object,
				};
			},
		}),
		...createWebhookPlugins({
			mutating: storages.get(registration, "mutatingwebhookconfigurations").cache,
			validating: storages.get(registration, "validatingwebhookconfigurations").cache,
			resources: served,
			log,
			client: webhooks,
			authorize: authorizeInPolicy,
		}),
		...certificateAdmission(require),
		resourceQuotaAdmission((namespace, name) => quotas.key(namespace, name)),
		namespaceAutoProvision((name) => provideNamespace(name, handle)),
		ownerReferencesPermissionEnforcement({
			authorize,
			resourceOf: (apiVersion, kind) => {
				const { group, version } = parseApiVersion(apiVersion);
				return served.findKind(group, version, kind)?.resource;
			},
		}),
	];
	return createAdmission(plugins, options, deviceClaimRules(require));
}

/** Makes a namespace, unless it is there by then. */
async function provideNamespace(name: string, handle: ServerAdmissionOptions["handle"]): Promise<void> {
	try {
		await handle({ verb: "create", group: "", version: "v1", resource: "namespaces", body: { metadata: { name } } });
	} catch (error) {
		if (!isStatusError(error, "AlreadyExists")) throw error;
	}
}
