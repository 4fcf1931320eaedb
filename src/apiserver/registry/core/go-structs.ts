/**
 * Values in error texts that Go prints as structs of its internal types: all fields under their Go names, null for the
 * absent ones. Source: field.Error.ErrorBody in k8s.io/apimachinery (JSON of the bad value), pkg/apis/core/types.go.
 */
import type { NodeSelectorRequirement, ServicePort, Taint, VolumeNodeAffinity } from "../../../apimachinery/schema/generated/types.ts";

/** The port as the key that Services compare ports by. */
export const goServicePortKey = ({ protocol = "", port = 0 }: ServicePort) => ({
	Name: "",
	Protocol: protocol,
	AppProtocol: null,
	Port: port,
	TargetPort: 0,
	NodePort: 0,
});

export const goTaint = ({ key = "", value = "", effect = "", timeAdded }: Partial<Taint>) => ({
	Key: key,
	Value: value,
	Effect: effect,
	TimeAdded: timeAdded ?? null,
});

const goRequirement = ({ key = "", operator = "", values }: Partial<NodeSelectorRequirement>) => ({
	Key: key,
	Operator: operator,
	Values: values ?? null,
});

export const goVolumeNodeAffinity = ({ required }: VolumeNodeAffinity) => ({
	Required:
		required === undefined
			? null
			: {
					NodeSelectorTerms: (required.nodeSelectorTerms ?? []).map(({ matchExpressions, matchFields }) => ({
						MatchExpressions: matchExpressions?.map(goRequirement) ?? null,
						MatchFields: matchFields?.map(goRequirement) ?? null,
					})),
				},
});
