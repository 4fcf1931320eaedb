/**
 * What a simulated kubelet can be told: fields of KubeletConfiguration (kubelet.config.k8s.io/v1beta1), with its names, forms and defaults.
 * Source: https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/
 */
import { parseGoDuration } from "../../apimachinery/time.ts";
import type { CgroupDriver } from "../cgroups/layout.ts";
import { defaultEvictionHard, type EvictionConfiguration, parseThresholds, type Threshold } from "../eviction/thresholds.ts";

export interface KubeletConfiguration extends EvictionConfiguration {
	/** Default 5m. */
	readonly evictionPressureTransitionPeriod?: string;
	/** Seconds that pods have at most when a soft threshold is met; default 0. */
	readonly evictionMaxPodGracePeriod?: number;
	/** Percent of the disk: from the first on unused images are deleted, until it is the second. Defaults 85 and 80. */
	readonly imageGCHighThresholdPercent?: number;
	readonly imageGCLowThresholdPercent?: number;
	/** Default 2m. */
	readonly imageMinimumGCAge?: string;
	/** How long pods have when the machine is shut down, and the part of it that is for critical ones alone. Default 0: the kubelet is not told. */
	readonly shutdownGracePeriod?: string;
	readonly shutdownGracePeriodCriticalPods?: string;
	/** Who makes pods' cgroups. Default systemd, as kubeadm has it. */
	readonly cgroupDriver?: CgroupDriver;
}

/** How long pods have in all, and the part of it that is for critical ones alone. */
export interface ShutdownPeriods {
	readonly graceMs: number;
	readonly criticalMs: number;
}

/** The same, read. */
export interface KubeletSettings {
	readonly thresholds: readonly Threshold[];
	readonly pressureTransitionMs: number;
	readonly maxPodGraceMs: number;
	readonly imageGcHighPercent: number;
	readonly imageGcLowPercent: number;
	readonly imageMinAgeMs: number;
	readonly shutdown: ShutdownPeriods;
	readonly cgroupDriver: CgroupDriver;
	/** As /configz shows it. */
	readonly configuration: KubeletConfiguration;
}

/** Throws an Error that says what cannot be. */
export function readKubeletConfiguration(given: KubeletConfiguration): KubeletSettings {
	const configuration = {
		imageMinimumGCAge: "2m0s",
		imageGCHighThresholdPercent: 85,
		imageGCLowThresholdPercent: 80,
		evictionHard: defaultEvictionHard,
		evictionPressureTransitionPeriod: "5m0s",
		shutdownGracePeriod: "0s",
		shutdownGracePeriodCriticalPods: "0s",
		cgroupDriver: "systemd" as CgroupDriver,
		...given,
	};
	const { cgroupDriver } = configuration;
	if (cgroupDriver !== "systemd" && cgroupDriver !== "cgroupfs")
		throw new Error(`invalid configuration: unknown cgroup driver: ${JSON.stringify(cgroupDriver)}, must be cgroupfs or systemd`);
	const { imageGCHighThresholdPercent: high, imageGCLowThresholdPercent: low } = configuration;
	if (low >= high)
		throw new Error(`invalid configuration: imageGCLowThresholdPercent ${low} must be less than imageGCHighThresholdPercent ${high}`);
	return {
		thresholds: parseThresholds(configuration),
		pressureTransitionMs: parseGoDuration(configuration.evictionPressureTransitionPeriod),
		maxPodGraceMs: (given.evictionMaxPodGracePeriod ?? 0) * 1000,
		imageGcHighPercent: high,
		imageGcLowPercent: low,
		imageMinAgeMs: parseGoDuration(configuration.imageMinimumGCAge),
		shutdown: readShutdownPeriods(configuration),
		cgroupDriver,
		configuration,
	};
}

/** Throws an Error with the kubelet's text. */
function readShutdownPeriods(configuration: {
	readonly shutdownGracePeriod: string;
	readonly shutdownGracePeriodCriticalPods: string;
}): ShutdownPeriods {
	const graceMs = parseGoDuration(configuration.shutdownGracePeriod);
	const criticalMs = parseGoDuration(configuration.shutdownGracePeriodCriticalPods);
	if (criticalMs > graceMs)
		throw new Error(
			`invalid configuration: shutdownGracePeriodCriticalPods {${configuration.shutdownGracePeriodCriticalPods}} must be <= shutdownGracePeriod {${configuration.shutdownGracePeriod}}`,
		);
	return { graceMs, criticalMs };
}
