import packageJson from "../../package.json" with { type: "json" };

/** kubesim's own version. The Kubernetes version that it behaves as is the API server's. */
export const version: string = packageJson.version;
