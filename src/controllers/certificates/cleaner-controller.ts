/**
 * certificatesigningrequest-cleaner-controller: removes requests that are over.
 *
 *   issued, an hour ago        denied or failed, an hour ago        nobody decided, or nobody signed, for a day
 *   the certificate has expired
 *
 * Watches  CertificateSigningRequests; looks every hour
 * Writes   deletes them
 *
 * Source of behaviour: pkg/controller/certificates/cleaner.
 */
import { X509Certificate } from "node:crypto";
import type { CertificateSigningRequest } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { parseTime } from "../../apimachinery/time.ts";
import { certificateSigningRequests } from "../../client/resources.ts";
import type { Controller, ControllerContext } from "../controller.ts";
import { conditionOf } from "./request-rules.ts";

const name = "certificatesigningrequest-cleaner-controller";
const hourMs = 3600_000;
const periodMs = hourMs;
const decidedMs = hourMs;
const pendingMs = 24 * hourMs;

export const cleanerController: Controller = { name, run };

/** Resolves when the signal aborts. */
async function run({ informers, client, clock, log }: ControllerContext, signal: AbortSignal): Promise<void> {
	const informer = informers.informer(certificateSigningRequests);
	await informer.whenSynced();
	if (signal.aborted) return;
	const remove = async (request: CertificateSigningRequest) => {
		try {
			await client.resource(certificateSigningRequests).delete({ name: request.metadata?.name ?? "" });
		} catch (error) {
			if (isStatusError(error, "NotFound")) return;
			log.warn(`${name}: unable to delete CSR`, { name: request.metadata?.name, error: String(error) });
		}
	};
	const clean = () => {
		for (const request of informer.cache.list()) if (isOver(request, clock.now())) void remove(request);
	};
	clean();
	const timer = clock.setInterval(clean, periodMs);
	await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
	timer.cancel();
}

export function isOver(request: CertificateSigningRequest, nowMs: number): boolean {
	const isOlder = (time: string | undefined, ageMs: number) => time !== undefined && nowMs - parseTime(time) > ageMs;
	const isIssued = (request.status?.certificate ?? "") !== "";
	const { creationTimestamp } = request.metadata ?? {};
	const approved = conditionOf(request, "Approved");
	if (conditionOf(request, "Denied") !== undefined && isOlder(conditionOf(request, "Denied")?.lastUpdateTime, decidedMs)) return true;
	if (conditionOf(request, "Failed") !== undefined && isOlder(conditionOf(request, "Failed")?.lastUpdateTime, decidedMs)) return true;
	if ((request.status?.conditions ?? []).length === 0) return isOlder(creationTimestamp, pendingMs);
	if (approved === undefined) return false;
	if (!isIssued) return isOlder(approved.lastUpdateTime, pendingMs);
	return isOlder(approved.lastUpdateTime, decidedMs) || isExpired(request, nowMs);
}

function isExpired({ status }: CertificateSigningRequest, nowMs: number): boolean {
	try {
		return nowMs > Date.parse(new X509Certificate(Buffer.from(status?.certificate ?? "", "base64")).validTo);
	} catch {
		// What is no certificate does not expire; another rule will have it.
		return false;
	}
}
