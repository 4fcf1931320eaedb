/**
 * bootstrap-signer-controller: signs the kubeconfig in the ConfigMap kube-public/cluster-info with every bootstrap token that
 * is for signing, so that a new node that has one of them can tell that it is talking to the right cluster.
 *
 * Watches  that ConfigMap; Secrets of type bootstrap.kubernetes.io/token in kube-system
 * Writes   the ConfigMap's keys jws-kubeconfig-ID
 *
 * Source of behaviour: pkg/controller/bootstrap/bootstrapsigner.go, k8s.io/cluster-bootstrap/token/jws.
 */
import { createHmac } from "node:crypto";
import { bootstrapTokenType, isBootstrapTokenExpired, secretText } from "../../apimachinery/bootstrap-token.ts";
import { jsonEqual } from "../../apimachinery/json.ts";
import type { ConfigMap, Secret } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { runController } from "../../client/controller.ts";
import { configMaps, secrets } from "../../client/resources.ts";
import { type Controller, type ControllerContext, queueOf } from "../controller.ts";
import { bootstrapTokens } from "./token-cleaner.ts";

const name = "bootstrap-signer-controller";
const configMapNamespace = "kube-public";
const configMapName = "cluster-info";
const key = `${configMapNamespace}/${configMapName}`;
const signaturePrefix = "jws-kubeconfig-";

export const bootstrapSigner: Controller = { name, run };

async function run(context: ControllerContext, signal: AbortSignal): Promise<void> {
	const { informers, client, clock, log } = context;
	const tokens = informers.informer(secrets, bootstrapTokens);
	const infos = informers.informer(configMaps, { namespace: configMapNamespace, fieldSelector: `metadata.name=${configMapName}` });
	await Promise.all([tokens.whenSynced(), infos.whenSynced()]);
	const queue = queueOf(context, "bootstrap_signer_queue");
	const sign = () => queue.add(key);
	tokens.onChange({ added: sign, updated: sign, deleted: sign }, signal);
	infos.onChange({ added: sign, updated: sign }, signal);
	const reconcile = async () => {
		const info = infos.cache.get(key);
		const signed = info === undefined ? undefined : withSignatures(info, tokens.cache.list(), clock.now());
		if (info === undefined || signed === undefined || jsonEqual(info.data, signed.data)) return;
		try {
			await client.resource(configMaps).update(signed);
		} catch (error) {
			if (!isStatusError(error, "NotFound")) throw error;
		}
	};
	await runController({ name, queue, concurrency: 1, reconcile, log, signal });
}

/** Undefined for a ConfigMap without a kubeconfig. */
function withSignatures(info: ConfigMap, tokens: readonly Secret[], nowMs: number): ConfigMap | undefined {
	const kubeconfig = info.data?.kubeconfig;
	if (kubeconfig === undefined) return undefined;
	const unsigned = Object.entries(info.data ?? {}).filter(([name]) => !name.startsWith(signaturePrefix));
	const signatures = tokens
		.filter((token) => isForSigning(token, nowMs))
		.map((token) => {
			const id = secretText(token, "token-id");
			return [`${signaturePrefix}${id}`, detachedSignature(kubeconfig, id, secretText(token, "token-secret"))];
		});
	return { ...info, data: Object.fromEntries([...unsigned, ...signatures]) };
}

/** Source: pkg/controller/bootstrap/util.go (validateSecretForSigning). */
function isForSigning(token: Secret, nowMs: number): boolean {
	const id = secretText(token, "token-id");
	return (
		token.type === bootstrapTokenType &&
		/^[a-z0-9]{6}$/.test(id) &&
		token.metadata?.name === `bootstrap-token-${id}` &&
		secretText(token, "token-secret") !== "" &&
		!isBootstrapTokenExpired(token, nowMs) &&
		secretText(token, "usage-bootstrap-signing") === "true"
	);
}

/** A JSON Web Signature by HS256 without its content (RFC 7515 appendix F); short secrets are filled up with zeros. */
export function detachedSignature(content: string, tokenId: string, tokenSecret: string): string {
	const secret = Buffer.from(tokenSecret);
	const signingKey = secret.length < 32 ? Buffer.concat([secret, Buffer.alloc(32 - secret.length)]) : secret;
	const head = Buffer.from(JSON.stringify({ alg: "HS256", kid: tokenId })).toString("base64url");
	const signature = createHmac("sha256", signingKey).update(`${head}.${Buffer.from(content).toString("base64url")}`);
	return `${head}..${signature.digest("base64url")}`;
}
