/**
 * One certificate of a kubelet and its renewal: a new key and a CertificateSigningRequest, then waiting until somebody has
 * approved and signed it, then the next one when 70 to 90 per cent of its life are over.
 *
 *   none ──ask──> pending ──approved, signed──> current ──at its time──> ask again
 *                    └── denied, failed, or not decided for 15 minutes: again after 2, 4, 8, 16, then every 32 seconds
 *
 * Source of behaviour, texts and figures: k8s.io/client-go/util/certificate (certificate_manager.go, csr/csr.go) and
 * pkg/kubelet/certificate. Keys are the one thing that no seed decides.
 */
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { type Clock, sleep } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { CertificateSigningRequest } from "../../apimachinery/schema/generated/types.ts";
import { type RequestContent, writeCertificateRequest } from "../../apimachinery/x509/request-writer.ts";
import type { Client, ResourceClient } from "../../client/client.ts";
import { certificateSigningRequests } from "../../client/resources.ts";

/** How long a request may wait for its certificate. */
const waitMs = 15 * 60_000;
/** How often a watch that ended is begun anew. */
const watchRetryMs = 1_000;
const firstPauseMs = 2_000;
const pauseFactor = 2;
const pauseJitter = 0.1;
const quickTries = 5;
const slowPauseMs = 32_000;

/** PEM texts. */
export interface IssuedCertificate {
	readonly certificate: string;
	readonly key: string;
	/** Cluster time, Unix ms. */
	readonly notBeforeMs: number;
	readonly notAfterMs: number;
}

export interface CertificateManagerOptions {
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	readonly node: string;
	readonly signerName: string;
	readonly usages: readonly string[];
	readonly content: Omit<RequestContent, "key">;
	/** Whoever asks: the machine as it is known at that time. */
	readonly client: () => Client;
	/** A kubelet that does not run renews nothing. */
	readonly isRunning: () => boolean;
	/** A certificate has come. */
	readonly onIssued: (issued: IssuedCertificate) => void;
}

export class CertificateManager {
	readonly #options: CertificateManagerOptions;
	#issued: IssuedCertificate | undefined;

	constructor(options: CertificateManagerOptions) {
		this.#options = options;
	}

	/** Undefined before the first one, and when the last one is over. */
	get current(): IssuedCertificate | undefined {
		return this.#issued === undefined || this.#options.clock.now() > this.#issued.notAfterMs ? undefined : this.#issued;
	}

	/** Works until the signal aborts. Never rejects. */
	async run(signal: AbortSignal): Promise<void> {
		try {
			for (;;) {
				await sleep(this.#options.clock, this.#untilRotationMs(), signal);
				await this.#rotate(signal);
			}
		} catch (error) {
			if (!signal.aborted) this.#options.log.error("certificate rotation ended", { node: this.#options.node, error: String(error) });
		}
	}

	/** Drawn anew each time, so that many nodes of one hour do not come back in one. */
	#untilRotationMs(): number {
		const { clock, random } = this.#options;
		if (this.#issued === undefined) return 0;
		const { notBeforeMs, notAfterMs } = this.#issued;
		const share = 0.7 + random.next() * 0.2;
		return Math.max(0, notBeforeMs + (notAfterMs - notBeforeMs) * share - clock.now());
	}

	async #rotate(signal: AbortSignal): Promise<void> {
		const { clock, random, log, node, isRunning } = this.#options;
		while (!isRunning()) await sleep(clock, slowPauseMs, signal);
		for (let tries = 1, pauseMs = firstPauseMs; !(await this.#request(signal)); tries++, pauseMs *= pauseFactor) {
			if (tries === quickTries) log.error("Reached backoff limit, still unable to rotate certs", { node });
			await sleep(clock, tries < quickTries ? pauseMs * (1 + random.next() * pauseJitter) : slowPauseMs, signal);
		}
	}

	/** Whether a certificate came of it. */
	async #request(signal: AbortSignal): Promise<boolean> {
		const { clock, log, node, content, signerName, usages, onIssued } = this.#options;
		try {
			const key = generateKeyPairSync("ec", { namedCurve: "P-256" });
			const client = this.#options.client().resource(certificateSigningRequests);
			const made = await client.create({
				apiVersion: "certificates.k8s.io/v1",
				kind: "CertificateSigningRequest",
				metadata: { generateName: "csr-" },
				spec: { request: Buffer.from(writeCertificateRequest({ ...content, key })).toString("base64"), signerName, usages },
			});
			const name = made.metadata?.name ?? "";
			const certificate = await this.#answer(client, name, signal);
			this.#issued = {
				certificate,
				key: key.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
				...validityOf(certificate),
			};
			onIssued(this.#issued);
			log.info("Certificate rotation: new certificate", { node, signer: signerName, csr: name, at: clock.now() });
			return true;
		} catch (error) {
			if (signal.aborted) throw error;
			log.error("unable to rotate certificate", {
				node,
				signer: signerName,
				error: error instanceof Error ? error.message : String(error),
			});
			return false;
		}
	}

	/** The certificate, as PEM; rejects if the request is refused, or nothing comes of it. */
	async #answer(client: CsrClient, name: string, signal: AbortSignal): Promise<string> {
		const { clock } = this.#options;
		const untilMs = clock.now() + waitMs;
		for (;;) {
			const found = await this.#watchOnce(client, name, untilMs, signal);
			if (found !== undefined) return found;
			if (clock.now() >= untilMs) throw new Error("certificate request was not signed: timed out waiting for the condition");
			await sleep(clock, watchRetryMs, signal);
		}
	}

	/** Undefined: the watch ended, or the time. */
	async #watchOnce(client: CsrClient, name: string, untilMs: number, signal: AbortSignal): Promise<string | undefined> {
		const { clock } = this.#options;
		const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
		// A watch that never comes about must not leave a rejection behind.
		promise.catch(() => undefined);
		const timer = clock.setTimeout(() => resolve(undefined), Math.max(0, untilMs - clock.now()));
		const onAbort = () => reject(signal.reason);
		signal.addEventListener("abort", onAbort, { once: true });
		const see = (request: CertificateSigningRequest) => {
			try {
				const certificate = outcomeOf(request);
				if (certificate !== undefined) resolve(certificate);
			} catch (error) {
				reject(error);
			}
		};
		try {
			const watch = await client.watch(
				undefined,
				{ fieldSelector: `metadata.name=${name}` },
				{
					onEvent: ({ type, object }) => {
						if (type === "DELETED") reject(new Error(`csr ${JSON.stringify(name)} is gone`));
						else if (type === "ADDED" || type === "MODIFIED") see(object);
					},
					onEnd: () => resolve(undefined),
				},
			);
			try {
				return await promise;
			} finally {
				watch.stop();
			}
		} finally {
			timer.cancel();
			signal.removeEventListener("abort", onAbort);
		}
	}
}

type CsrClient = ResourceClient<CertificateSigningRequest>;

/** The certificate as PEM; undefined as long as nobody decided or signed. Throws if it was refused. */
function outcomeOf({ status }: CertificateSigningRequest): string | undefined {
	for (const { type, reason = "", message = "" } of status?.conditions ?? []) {
		if (type === "Denied") throw new Error(`certificate signing request is denied, reason: ${reason}, message: ${message}`);
		if (type === "Failed") throw new Error(`certificate signing request failed, reason: ${reason}, message: ${message}`);
	}
	const isApproved = status?.conditions?.some(({ type }) => type === "Approved") === true;
	const certificate = status?.certificate ?? "";
	return isApproved && certificate !== "" ? Buffer.from(certificate, "base64").toString("latin1") : undefined;
}

function validityOf(certificate: string): Pick<IssuedCertificate, "notBeforeMs" | "notAfterMs"> {
	const { validFrom, validTo } = new X509Certificate(certificate);
	return { notBeforeMs: Date.parse(validFrom), notAfterMs: Date.parse(validTo) };
}
