/**
 * Types of which one field at most may be set, told by a discriminator: x-kubernetes-unions.
 * Source: https://github.com/kubernetes/kubernetes/tree/v1.36.0/api/openapi-spec
 */

export interface Union {
	readonly discriminator?: string;
	/** Field → value of the discriminator. */
	readonly "fields-to-discriminateBy": Readonly<Record<string, string>>;
}

/** By OpenAPI definition. */
export const unions: Readonly<Record<string, readonly Union[]>> = {
	"io.k8s.api.core.v1.AppArmorProfile": [
		{
			discriminator: "type",
			"fields-to-discriminateBy": {
				localhostProfile: "LocalhostProfile",
			},
		},
	],
	"io.k8s.api.core.v1.PodSchedulingGroup": [
		{
			"fields-to-discriminateBy": {
				podGroupName: "PodGroupName",
			},
		},
	],
	"io.k8s.api.core.v1.SeccompProfile": [
		{
			discriminator: "type",
			"fields-to-discriminateBy": {
				localhostProfile: "LocalhostProfile",
			},
		},
	],
	"io.k8s.api.flowcontrol.v1.LimitResponse": [
		{
			discriminator: "type",
			"fields-to-discriminateBy": {
				queuing: "Queuing",
			},
		},
	],
	"io.k8s.api.flowcontrol.v1.PriorityLevelConfigurationSpec": [
		{
			discriminator: "type",
			"fields-to-discriminateBy": {
				exempt: "Exempt",
				limited: "Limited",
			},
		},
	],
	"io.k8s.api.flowcontrol.v1.Subject": [
		{
			discriminator: "kind",
			"fields-to-discriminateBy": {
				group: "Group",
				serviceAccount: "ServiceAccount",
				user: "User",
			},
		},
	],
};
