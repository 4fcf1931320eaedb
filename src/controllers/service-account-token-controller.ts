/**
 * serviceaccount-token-controller: fills Secrets of type kubernetes.io/service-account-token with the token of their service
 * account, and deletes them when that is gone.
 *
 * Watches  those Secrets, ServiceAccounts
 * Writes   the Secrets' data (token, ca.crt, namespace) and annotations; takes deleted ones out of ServiceAccounts' lists
 *
 * Source of behaviour: pkg/controller/serviceaccount/tokens_controller.go;
 * https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#token-controller
 */
import type { Secret, ServiceAccount } from "../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../apimachinery/status-error.ts";
import { runController } from "../client/controller.ts";
import { secrets, serviceAccounts } from "../client/resources.ts";
import { type Controller, type ControllerContext, queueOf } from "./controller.ts";

const name = "serviceaccount-token-controller";
const accountName = "kubernetes.io/service-account.name";
const accountUid = "kubernetes.io/service-account.uid";
const encode = (text: string) => Buffer.from(text).toString("base64");

export interface ServiceAccountTokenOptions {
	/** The certificate that holders of tokens are to trust, in PEM. */
	readonly rootCa: () => string;
	/** A token that is good as long as its Secret is there. */
	readonly sign: (account: ServiceAccount, secretName: string) => string;
}

export function serviceAccountTokenController(options: ServiceAccountTokenOptions): Controller {
	return { name, run: (context, signal) => run(options, context, signal) };
}

async function run(options: ServiceAccountTokenOptions, context: ControllerContext, signal: AbortSignal): Promise<void> {
	const { informers, client, log } = context;
	const accounts = informers.informer(serviceAccounts);
	const tokens = informers.informer(secrets, { fieldSelector: "type=kubernetes.io/service-account-token" });
	await Promise.all([accounts.whenSynced(), tokens.whenSynced()]);
	const queue = queueOf(context, "serviceaccount_tokens_secret");
	const enqueue = ({ metadata }: Secret) => queue.add(`${metadata?.namespace}/${metadata?.name}`);
	/** The Secrets of an account that is new, changed or gone. */
	const enqueueOf = ({ metadata }: ServiceAccount) => {
		const isOf = (secret: Secret) => secret.metadata?.namespace === metadata?.namespace && accountNameOf(secret) === metadata?.name;
		for (const secret of tokens.cache.list()) if (isOf(secret)) enqueue(secret);
	};
	const forget = async (secret: Secret) => {
		const account = accounts.cache.get(`${secret.metadata?.namespace}/${accountNameOf(secret)}`);
		if (account?.secrets?.some((ref) => ref.name === secret.metadata?.name) !== true) return;
		const rest = account.secrets.filter((ref) => ref.name !== secret.metadata?.name);
		await client.resource(serviceAccounts).update({ ...account, secrets: rest });
	};
	const onForgotten = (error: unknown) => log.warn(`${name}: a reference was left`, { error: String(error) });
	tokens.onChange(
		{ added: enqueue, updated: (_old, secret) => enqueue(secret), deleted: (secret) => void forget(secret).catch(onForgotten) },
		signal,
	);
	accounts.onChange({ added: (account, initial) => initial || enqueueOf(account), deleted: enqueueOf }, signal);
	const reconcile = async (key: string) => {
		const secret = tokens.cache.get(key);
		if (secret === undefined) return;
		const account = await ownerOf(secret, accounts.cache.get(`${secret.metadata?.namespace}/${accountNameOf(secret)}`), context);
		const filled = account === undefined ? undefined : fill(secret, account, options);
		try {
			if (account === undefined) await remove(secret, context);
			else if (filled !== undefined) await client.resource(secrets).update(filled);
		} catch (error) {
			if (!isStatusError(error, "NotFound")) throw error;
		}
	};
	await runController({ name, queue, concurrency: 1, reconcile, log, signal });
}

function accountNameOf({ metadata }: Secret): string {
	return metadata?.annotations?.[accountName] ?? "";
}

/** The account that a Secret is for; the cache may be behind, so that the server has the last word. */
async function ownerOf(
	secret: Secret,
	known: ServiceAccount | undefined,
	{ client }: ControllerContext,
): Promise<ServiceAccount | undefined> {
	const uid = secret.metadata?.annotations?.[accountUid] ?? "";
	const isMeant = (account: ServiceAccount) => uid === "" || account.metadata?.uid === uid;
	if (known !== undefined && isMeant(known)) return known;
	try {
		const account = await client.resource(serviceAccounts).get({ namespace: secret.metadata?.namespace, name: accountNameOf(secret) });
		return isMeant(account) ? account : undefined;
	} catch (error) {
		if (isStatusError(error, "NotFound")) return undefined;
		throw error;
	}
}

/** The Secret with what it lacks; undefined if it lacks nothing. */
function fill(secret: Secret, account: ServiceAccount, { rootCa, sign }: ServiceAccountTokenOptions): Secret | undefined {
	const { data = {}, metadata } = secret;
	const ca = encode(rootCa());
	const isComplete = data["ca.crt"] === ca && (data.namespace ?? "") !== "" && (data.token ?? "") !== "";
	if (isComplete) return undefined;
	const owner = { [accountName]: account.metadata?.name ?? "", [accountUid]: account.metadata?.uid ?? "" };
	return {
		...secret,
		metadata: { ...metadata, annotations: { ...metadata?.annotations, ...owner } },
		data: {
			...data,
			"ca.crt": ca,
			namespace: data.namespace || encode(metadata?.namespace ?? ""),
			token: data.token || encode(sign(account, metadata?.name ?? "")),
		},
	};
}

async function remove({ metadata }: Secret, { client }: ControllerContext): Promise<void> {
	const { namespace, name: secretName = "", uid } = metadata ?? {};
	await client.resource(secrets).delete({ namespace, name: secretName }, uid === undefined ? {} : { preconditions: { uid } });
}
