/**
 * Fields of Pods whose feature gates are off by default in 1.36: the API server drops what a client writes there.
 * Source: dropDisabledFields in pkg/api/pod/util.go, pkg/features/kube_features.go of Kubernetes 1.36.
 */
import type { Container, PodSpec, VolumeProjection } from "../../../apimachinery/schema/generated/types.ts";
import { eachItem, mapField, withoutField } from "./defaulting.ts";

/** The spec without the fields of GenericWorkload, ContainerStopSignals, ClusterTrustBundleProjection and PodCertificateRequest. */
export function withoutDisabledFields(spec: PodSpec): PodSpec {
	let result: PodSpec = withoutField(spec, "schedulingGroup") as PodSpec;
	result = mapField(result, "containers", eachItem(withoutStopSignal));
	result = mapField(result, "initContainers", eachItem(withoutStopSignal));
	result = mapField(result, "ephemeralContainers", eachItem(withoutStopSignal));
	return mapField(
		result,
		"volumes",
		eachItem((volume) => mapField(volume, "projected", (projected) => mapField(projected, "sources", eachItem(withoutNewProjections)))),
	);
}

/** A lifecycle that said nothing else goes with it. */
function withoutStopSignal<T extends Container>(container: T): T {
	if (container.lifecycle?.stopSignal === undefined) return container;
	const lifecycle = withoutField(container.lifecycle, "stopSignal");
	return (Object.keys(lifecycle).length === 0 ? withoutField(container, "lifecycle") : { ...container, lifecycle }) as T;
}

const withoutNewProjections = (projection: VolumeProjection): VolumeProjection =>
	withoutField(withoutField(projection, "clusterTrustBundle") as VolumeProjection, "podCertificate");
