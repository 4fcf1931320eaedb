/**
 * certificatesigningrequest-signing-controller: signs what was approved, for the four signers of kubernetes.io.
 *
 * Watches  CertificateSigningRequests
 * Writes   status.certificate; or the condition Failed, when the request is not what its signer signs
 *
 * Source of behaviour and texts: pkg/controller/certificates/signer.
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from "../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { type CertificateRequest, isProblem, parseCertificateRequest } from "../../apimachinery/x509/certificate-request.ts";
import { runController } from "../../client/controller.ts";
import { certificateSigningRequests } from "../../client/resources.ts";
import { type Controller, type ControllerContext, queueOf } from "../controller.ts";
import { conditionOf, isOwnSigner, requestProblem } from "./request-rules.ts";

const name = "certificatesigningrequest-signing-controller";
/** --cluster-signing-duration */
const maxLifetimeMs = 8760 * 3600_000;
const minLifetimeMs = 10 * 60_000;

export interface SignedContent {
	readonly usages: readonly string[];
	readonly lifetimeMs: number;
	/** Cluster time, Unix ms. */
	readonly nowMs: number;
}

/** Signs with the cluster's authority. @returns PEM. Throws when it can't. */
export type CertificateSigner = (request: CertificateRequest, content: SignedContent) => string;

export function signingController(sign: CertificateSigner): Controller {
	return { name, run: (context, signal) => run(sign, context, signal) };
}

async function run(sign: CertificateSigner, context: ControllerContext, signal: AbortSignal): Promise<void> {
	const { informers, client, clock, log } = context;
	const informer = informers.informer(certificateSigningRequests);
	await informer.whenSynced();
	const queue = queueOf(context, "certificate");
	const enqueue = ({ metadata }: CertificateSigningRequest) => queue.add(metadata?.name ?? "");
	informer.onChange({ added: enqueue, updated: (_old, request) => enqueue(request) }, signal);
	const reconcile = async (key: string) => {
		const answer = answerTo(informer.cache.get(key), sign, clock);
		if (answer !== undefined) await client.resource(certificateSigningRequests).updateStatus(answer);
	};
	await runController({ name, queue, concurrency: 1, reconcile, log, signal });
}

/** The request with its certificate, or with why it gets none; undefined where there is nothing to do. */
function answerTo(
	found: CertificateSigningRequest | undefined,
	sign: CertificateSigner,
	clock: Clock,
): CertificateSigningRequest | undefined {
	if (found === undefined || (found.status?.certificate ?? "") !== "" || conditionOf(found, "Failed")?.status === "True") return undefined;
	if (conditionOf(found, "Approved") === undefined || conditionOf(found, "Denied") !== undefined) return undefined;
	const { signerName = "", usages = [], request = "", expirationSeconds } = found.spec ?? {};
	if (!isOwnSigner(signerName)) return undefined;
	const parsed = parseCertificateRequest(request);
	if (isProblem(parsed)) throw new Error(`unable to parse csr "${found.metadata?.name}": ${parsed.problem}`);
	const problem = requestProblem(signerName, parsed, usages);
	const nowMs = clock.now();
	if (problem !== undefined) return withFailure(found, problem, nowMs);
	const pem = sign(parsed, { usages, lifetimeMs: lifetimeMs(expirationSeconds), nowMs });
	return { ...found, status: { ...found.status, certificate: Buffer.from(pem).toString("base64") } };
}

function lifetimeMs(expirationSeconds: number | undefined): number {
	return expirationSeconds === undefined ? maxLifetimeMs : Math.min(Math.max(expirationSeconds * 1000, minLifetimeMs), maxLifetimeMs);
}

function withFailure(request: CertificateSigningRequest, message: string, nowMs: number): CertificateSigningRequest {
	const condition: CertificateSigningRequestCondition = {
		type: "Failed",
		status: "True",
		reason: "SignerValidationFailure",
		message,
		lastUpdateTime: formatTime(nowMs),
	};
	return { ...request, status: { ...request.status, conditions: [...(request.status?.conditions ?? []), condition] } };
}
