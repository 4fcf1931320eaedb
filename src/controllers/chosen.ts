/**
 * Which controllers run, as kube-controller-manager's --controllers says it: `*` are all that run by default, `foo` turns foo on,
 * `-foo` turns it off. The first that speaks of a controller decides.
 * Source: https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/
 */

/** A name that no controller has. */
export class ControllerNameError extends Error {
	override readonly name = "ControllerNameError";
}

/**
 * What controllers were called before Kubernetes 1.29, which --controllers still takes, where that is not just the name of today
 * without "-controller". Source: the aliases of cmd/kube-controller-manager/app.
 */
const formerNames: Readonly<Record<string, string>> = {
	attachdetach: "persistentvolume-attach-detach-controller",
	bootstrapsigner: "bootstrap-signer-controller",
	csrapproving: "certificatesigningrequest-approving-controller",
	csrcleaner: "certificatesigningrequest-cleaner-controller",
	csrsigning: "certificatesigningrequest-signing-controller",
	endpoint: "endpoints-controller",
	endpointslicemirroring: "endpointslice-mirroring-controller",
	garbagecollector: "garbage-collector-controller",
	horizontalpodautoscaling: "horizontal-pod-autoscaler-controller",
	"legacy-service-account-token-cleaner": "legacy-serviceaccount-token-cleaner-controller",
	nodeipam: "node-ipam-controller",
	nodelifecycle: "node-lifecycle-controller",
	podgc: "pod-garbage-collector-controller",
	"pv-protection": "persistentvolume-protection-controller",
	"pvc-protection": "persistentvolumeclaim-protection-controller",
	"resource-claim-controller": "resourceclaim-controller",
	"root-ca-cert-publisher": "root-ca-certificate-publisher-controller",
	service: "service-lb-controller",
	tokencleaner: "token-cleaner-controller",
};

/**
 * @param name the name of today, one of before, or either without "-controller"
 * @throws ControllerNameError for a name that is none: `"foo" is not in the list of known controllers`
 */
export function controllerNamed(names: readonly string[], name: string): string {
	const candidates = [name, `${name}-controller`, Object.hasOwn(formerNames, name) ? formerNames[name] : undefined];
	const found = candidates.find((candidate) => candidate !== undefined && names.includes(candidate));
	if (found === undefined) throw new ControllerNameError(`"${name}" is not in the list of known controllers`);
	return found;
}

/** @throws ControllerNameError */
export function chosenControllers(names: readonly string[], choice: readonly string[]): readonly string[] {
	const words = choice.map((word) => {
		if (word === "*") return word;
		return word.startsWith("-") ? `-${controllerNamed(names, word.slice(1))}` : controllerNamed(names, word);
	});
	return names.filter((name) => {
		const word = words.find((each) => each === name || each === `-${name}`);
		return word === undefined ? words.includes("*") : word === name;
	});
}
