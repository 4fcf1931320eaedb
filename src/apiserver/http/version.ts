/** What `/version` and `kubectl version` say. Source: k8s.io/apimachinery/pkg/version.Info. */
import { kubernetesVersion } from "../../apimachinery/kubernetes-version.ts";

/** The answer of /version; kubesim is not a Go program and says so. */
export function versionInfo() {
	return {
		major: "1",
		minor: "36",
		emulationMajor: "1",
		emulationMinor: "36",
		minCompatibilityMajor: "1",
		minCompatibilityMinor: "35",
		gitVersion: kubernetesVersion,
		gitCommit: "",
		gitTreeState: "clean",
		buildDate: "1970-01-01T00:00:00Z",
		goVersion: `node${process.versions.node}`,
		compiler: "v8",
		platform: `${process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`,
	};
}
