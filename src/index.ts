/** kubesim as a library: a whole Kubernetes cluster in a test. */
export * from "./apimachinery/index.ts";
export * from "./client/index.ts";
export * from "./cluster/index.ts";
