/**
 * Whether the server behind an APIService can be asked: what its condition Available says.
 *
 *   Service there? ─▶ its port? ─▶ endpoints? ─▶ does /apis/GROUP/VERSION answer?  ─▶ Passed
 *
 * Source: k8s.io/kube-aggregator/pkg/controllers/status/remote/remote_available_controller.go
 */
import type {
	APIService,
	APIServiceCondition,
	APIServiceSpec,
	EndpointSlice,
	Endpoints,
	Service,
} from "../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../apimachinery/time.ts";
import type { AdmissionLookup } from "../admission/admission.ts";

type Verdict = Pick<APIServiceCondition, "status" | "reason" | "message">;

const available: Verdict = { status: "True", reason: "Passed", message: "all checks passed" };
const unavailable = (reason: string, message: string): Verdict => ({ status: "False", reason, message });

export function availableCondition({ status }: APIService): APIServiceCondition | undefined {
	return status?.conditions?.find(({ type }) => type === "Available");
}

export function isAvailable(service: APIService): boolean {
	return availableCondition(service)?.status === "True";
}

/** What the cluster's own objects say; undefined: nothing speaks against asking the server. */
export function checkService({ service }: APIServiceSpec, lookup: AdmissionLookup): Verdict | undefined {
	const { namespace = "", name = "", port = 443 } = service ?? {};
	const place = `service/${name} in ${JSON.stringify(namespace)}`;
	const found = lookup.find("", "services", namespace, name) as Service | undefined;
	if (found === undefined) return unavailable("ServiceNotFound", `${place} is not present`);
	if ((found.spec?.type ?? "ClusterIP") === "ExternalName") return undefined;
	const declared = found.spec?.ports?.find((each) => each.port === port);
	if (declared === undefined) return unavailable("ServicePortError", `${place} is not listening on port ${port}`);
	const slices = (lookup.list("discovery.k8s.io", "endpointslices", namespace) as readonly EndpointSlice[]).filter(
		({ metadata }) => metadata?.labels?.["kubernetes.io/service-name"] === name,
	);
	const written = lookup.find("", "endpoints", namespace, name) as Endpoints | undefined;
	if (slices.length === 0 && written === undefined) return unavailable("EndpointsNotFound", `cannot find endpointslices for ${place}`);
	const portName = declared.name ?? "";
	const isNamed = (ports: readonly { readonly name?: string }[] | undefined) =>
		ports?.some((each) => (each.name ?? "") === portName) === true;
	const hasAddresses =
		slices.some(({ endpoints, ports }) => isNamed(ports) && endpoints?.some(({ conditions }) => conditions?.ready !== false)) ||
		(written?.subsets ?? []).some(({ addresses = [], ports }) => isNamed(ports) && addresses.length > 0);
	if (hasAddresses) return undefined;
	return unavailable("MissingEndpoints", `endpointslices for ${place} have no addresses with port name ${JSON.stringify(portName)}`);
}

/** What comes of asking the server. @param failure why it could not be asked, or what is wrong with its answer; undefined: nothing */
export function checkAnswer(url: string, failure: string | undefined): Verdict {
	return failure === undefined ? available : unavailable("FailedDiscoveryCheck", `failing or missing response from ${url}: ${failure}`);
}

/** The APIService with a new verdict; the same object if there is nothing new in it. */
export function withVerdict(service: APIService, verdict: Verdict, nowMs: number): APIService {
	const before = availableCondition(service);
	if (before?.status === verdict.status && before.reason === verdict.reason && before.message === verdict.message) return service;
	const since = before?.status === verdict.status ? before.lastTransitionTime : undefined;
	const condition = { type: "Available", ...verdict, lastTransitionTime: since ?? formatTime(nowMs) };
	const others = service.status?.conditions?.filter(({ type }) => type !== "Available") ?? [];
	return { ...service, status: { ...service.status, conditions: [...others, condition] } };
}
