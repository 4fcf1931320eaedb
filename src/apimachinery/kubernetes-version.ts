/** The Kubernetes release whose behaviour kubesim has: what /version, the nodes and OpenAPI say. */
export const kubernetesVersion = "v1.36.6";
