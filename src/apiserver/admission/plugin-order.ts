/**
 * Every admission plugin of kube-apiserver 1.36 by name: in which order they run, and which run unless they are disabled.
 * Source: pkg/kubeapiserver/options/plugins.go (AllOrderedPlugins, DefaultOffAdmissionPlugins) and
 * k8s.io/apiserver/pkg/server/options/admission.go (Validate).
 */

const on = true;
const off = false;

/** In the order in which they run; whether they do by default. */
const plugins: ReadonlyMap<string, boolean> = new Map([
	["AlwaysAdmit", off],
	["NamespaceAutoProvision", off],
	["NamespaceLifecycle", on],
	["NamespaceExists", off],
	["LimitPodHardAntiAffinityTopology", off],
	["LimitRanger", on],
	["ServiceAccount", on],
	// Off in kube-apiserver; kubeadm and everybody else turns it on.
	["NodeRestriction", on],
	["TaintNodesByCondition", on],
	["AlwaysPullImages", off],
	["ImagePolicyWebhook", off],
	["PodSecurity", on],
	["PodNodeSelector", off],
	["Priority", on],
	["DefaultTolerationSeconds", on],
	["PodTolerationRestriction", off],
	["EventRateLimit", off],
	["ExtendedResourceToleration", off],
	["DefaultStorageClass", on],
	["StorageObjectInUseProtection", on],
	["OwnerReferencesPermissionEnforcement", off],
	["PersistentVolumeClaimResize", on],
	["RuntimeClass", on],
	["CertificateApproval", on],
	["CertificateSigning", on],
	["ClusterTrustBundleAttest", on],
	["CertificateSubjectRestriction", on],
	["DefaultIngressClass", on],
	["DenyServiceExternalIPs", off],
	["PodTopologyLabels", on],
	["NodeDeclaredFeatureValidator", on],
	["MutatingAdmissionPolicy", on],
	["MutatingAdmissionWebhook", on],
	["ValidatingAdmissionPolicy", on],
	["ValidatingAdmissionWebhook", on],
	["ResourceQuota", on],
	["AlwaysDeny", off],
]);

/** What `--enable-admission-plugins` and `--disable-admission-plugins` say. */
export interface AdmissionSwitches {
	/** Names of plugins to run besides the usual ones. */
	readonly enable?: readonly string[];
	/** Names of plugins that do not run. */
	readonly disable?: readonly string[];
}

/** What is wrong with the switches, in kube-apiserver's words; empty if nothing is. */
export function switchErrors({ enable = [], disable = [] }: AdmissionSwitches): readonly string[] {
	const isUnknown = (name: string) => !plugins.has(name);
	const both = [...new Set(enable)].filter((name) => disable.includes(name)).sort();
	return [
		...enable.filter(isUnknown).map((name) => `enable-admission-plugins plugin ${JSON.stringify(name)} is unknown`),
		...disable.filter(isUnknown).map((name) => `disable-admission-plugins plugin ${JSON.stringify(name)} is unknown`),
		...(both.length === 0 ? [] : [`[${both.join(" ")}] in enable-admission-plugins and disable-admission-plugins overlapped`]),
	];
}

/** Switches that name what there is not. */
export class AdmissionSwitchError extends Error {}

/** The plugins that run, in order. Throws AdmissionSwitchError with what `switchErrors` says. */
export function enabledPlugins(switches: AdmissionSwitches = {}): readonly string[] {
	const errors = switchErrors(switches);
	if (errors.length > 0) throw new AdmissionSwitchError(errors.join("; "));
	const { enable = [], disable = [] } = switches;
	return [...plugins].filter(([name, isOn]) => (isOn || enable.includes(name)) && !disable.includes(name)).map(([name]) => name);
}
