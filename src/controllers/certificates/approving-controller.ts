/**
 * certificatesigningrequest-approving-controller: approves kubelets' requests for client certificates by themselves, where
 * whoever asks may have that: a new node by permission for `nodeclient`, a node that renews its own by `selfnodeclient`.
 *
 * Watches  CertificateSigningRequests
 * Writes   the condition Approved, through /approval; asks by SubjectAccessReview
 *
 * Source of behaviour and texts: pkg/controller/certificates/approver.
 */
import type { CertificateSigningRequest, SubjectAccessReview } from "../../apimachinery/schema/generated/types.ts";
import { type CertificateRequest, isProblem, parseCertificateRequest } from "../../apimachinery/x509/certificate-request.ts";
import { runController } from "../../client/controller.ts";
import { certificateSigningRequests, subjectAccessReviews } from "../../client/resources.ts";
import { type Controller, type ControllerContext, queueOf } from "../controller.ts";
import { conditionOf, kubeletClientProblem, signerNames } from "./request-rules.ts";

const name = "certificatesigningrequest-approving-controller";

export const approvingController: Controller = { name, run };

interface Recognizer {
	/** Subresource that the requestor may create. */
	readonly permission: string;
	readonly message: string;
	recognizes(username: string, request: CertificateRequest): boolean;
}

/** Both only for kubelets' client certificates. */
const recognizers: readonly Recognizer[] = [
	{
		permission: "selfnodeclient",
		message: "Auto approving self kubelet client certificate after SubjectAccessReview.",
		recognizes: (username, { subject }) => username === subject.commonName,
	},
	{
		permission: "nodeclient",
		message: "Auto approving kubelet client certificate after SubjectAccessReview.",
		recognizes: () => true,
	},
];

async function run(context: ControllerContext, signal: AbortSignal): Promise<void> {
	const { informers, log } = context;
	const informer = informers.informer(certificateSigningRequests);
	await informer.whenSynced();
	const queue = queueOf(context, "certificate");
	const enqueue = ({ metadata }: CertificateSigningRequest) => queue.add(metadata?.name ?? "");
	informer.onChange({ added: enqueue, updated: (_old, request) => enqueue(request) }, signal);
	const reconcile = (key: string) => approve(context, informer.cache.get(key));
	await runController({ name, queue, concurrency: 1, reconcile, log, signal });
}

async function approve({ client }: ControllerContext, found: CertificateSigningRequest | undefined): Promise<void> {
	if (found === undefined || (found.status?.certificate ?? "") !== "") return;
	if (conditionOf(found, "Approved") !== undefined || conditionOf(found, "Denied") !== undefined) return;
	const { signerName = "", usages = [], request = "", username = "" } = found.spec ?? {};
	if (signerName !== signerNames.kubeletClient) return;
	const parsed = parseCertificateRequest(request);
	if (isProblem(parsed)) throw new Error(`unable to parse csr "${found.metadata?.name}": ${parsed.problem}`);
	if (kubeletClientProblem(parsed, usages) !== undefined) return;
	const candidates = recognizers.filter(({ recognizes }) => recognizes(username, parsed));
	for (const { permission, message } of candidates) {
		const review = (await client.resource(subjectAccessReviews).create(reviewOf(found, permission))) as SubjectAccessReview;
		if (review.status?.allowed !== true) continue;
		const condition = { type: "Approved", status: "True", reason: "AutoApproved", message };
		const conditions = [...(found.status?.conditions ?? []), condition];
		await client
			.resource(certificateSigningRequests)
			.update({ ...found, status: { ...found.status, conditions } }, { subresource: "approval" });
		return;
	}
	const tried = candidates.map(({ permission }) => permission).join(" ");
	throw new Error(`recognized csr "${found.metadata?.name}" as [${tried}] but subject access review was not approved`);
}

function reviewOf({ spec }: CertificateSigningRequest, subresource: string): SubjectAccessReview {
	const { username, uid, groups, extra } = spec ?? {};
	return {
		apiVersion: "authorization.k8s.io/v1",
		kind: "SubjectAccessReview",
		spec: {
			...(username === undefined ? {} : { user: username }),
			...(uid === undefined ? {} : { uid }),
			...(groups === undefined ? {} : { groups }),
			...(extra === undefined ? {} : { extra }),
			resourceAttributes: { group: "certificates.k8s.io", resource: "certificatesigningrequests", verb: "create", subresource },
		},
	};
}
