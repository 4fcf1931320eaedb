/**
 * What a simulated kubelet can be told: fields of KubeletConfiguration (kubelet.config.k8s.io/v1beta1), with its names, forms and defaults.
 * Source: https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/
 */
import { QuantityError, quantityToInteger } from "../../apimachinery/quantity.ts";
import { parseGoDuration } from "../../apimachinery/time.ts";
import type { CgroupDriver } from "../cgroups/layout.ts";
import type { LogPolicy } from "../container/container-log.ts";
import { defaultEvictionHard, type EvictionConfiguration, parseThresholds, type Threshold } from "../eviction/thresholds.ts";
import { readVerification, type Verification, type VerificationConfiguration } from "../images/pull-records.ts";

export interface KubeletConfiguration extends EvictionConfiguration, VerificationConfiguration {
	/** Whether images are pulled one after the other; default true. */
	readonly serializeImagePulls?: boolean;
	/** How many are pulled at once, where they are not pulled one after the other; default any number. */
	readonly maxParallelImagePulls?: number;
	/** Default 5m. */
	readonly evictionPressureTransitionPeriod?: string;
	/** Seconds that pods have at most when a soft threshold is met; default 0. */
	readonly evictionMaxPodGracePeriod?: number;
	/** Percent of the disk: from the first on unused images are deleted, until it is the second. Defaults 85 and 80. */
	readonly imageGCHighThresholdPercent?: number;
	readonly imageGCLowThresholdPercent?: number;
	/** Default 2m. */
	readonly imageMinimumGCAge?: string;
	/** A file of a container's log with as much is put aside; negative: never. Default 10Mi. */
	readonly containerLogMaxSize?: string;
	/** Files of a container's log, at least 2; default 5. */
	readonly containerLogMaxFiles?: number;
	/** How long pods have when the machine is shut down, and the part of it that is for critical ones alone. Default 0: the kubelet is not told. */
	readonly shutdownGracePeriod?: string;
	readonly shutdownGracePeriodCriticalPods?: string;
	/** Who makes pods' cgroups. Default systemd, as kubeadm has it. */
	readonly cgroupDriver?: CgroupDriver;
	/** Whether it refuses to run on a machine with version 1 of cgroups (KEP-5573). Default true. */
	readonly failCgroupV1?: boolean;
	/** One process after the other is killed of a container that takes too much memory, not all. Default: in version 1 of cgroups. */
	readonly singleProcessOOMKill?: boolean;
	/** Processes that a pod may have; -1: as many as there may be. Default -1. */
	readonly podPidsLimit?: number;
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
	/** Processes that a pod may have; undefined: no limit. */
	readonly podPidsLimit: number | undefined;
	readonly logs: LogPolicy;
	/** Of pulls at once. */
	readonly maxPulls: number;
	readonly verification: Verification;
	/** What was said. */
	readonly given: KubeletConfiguration;
	/** As /configz shows it. */
	readonly configuration: KubeletConfiguration;
}

/** Throws an Error that says what cannot be. */
export function readKubeletConfiguration(given: KubeletConfiguration): KubeletSettings {
	const configuration = {
		serializeImagePulls: true,
		imagePullCredentialsVerificationPolicy: "NeverVerifyPreloadedImages",
		imageMinimumGCAge: "2m0s",
		imageGCHighThresholdPercent: 85,
		imageGCLowThresholdPercent: 80,
		evictionHard: defaultEvictionHard,
		evictionPressureTransitionPeriod: "5m0s",
		containerLogMaxSize: "10Mi",
		containerLogMaxFiles: 5,
		shutdownGracePeriod: "0s",
		shutdownGracePeriodCriticalPods: "0s",
		cgroupDriver: "systemd" as CgroupDriver,
		failCgroupV1: true,
		podPidsLimit: -1,
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
		podPidsLimit: configuration.podPidsLimit > 0 ? configuration.podPidsLimit : undefined,
		logs: readLogPolicy(configuration),
		maxPulls: readMaxPulls(configuration),
		verification: readVerification(configuration),
		given,
		configuration,
	};
}

/** Throws an Error with the kubelet's text (pkg/kubelet/logs). */
function readLogPolicy(configuration: { readonly containerLogMaxSize: string; readonly containerLogMaxFiles: number }): LogPolicy {
	const { containerLogMaxSize: size, containerLogMaxFiles: maxFiles } = configuration;
	const problem = "failed to initialize container log manager";
	if (!(maxFiles > 1)) throw new Error(`${problem}: invalid MaxFiles ${maxFiles}, must be > 1`);
	try {
		const maxSizeBytes = quantityToInteger(size);
		return { maxSizeBytes: maxSizeBytes < 0 ? Number.POSITIVE_INFINITY : maxSizeBytes, maxFiles };
	} catch (error) {
		if (!(error instanceof QuantityError)) throw error;
		throw new Error(`${problem}: failed to parse container log max size ${JSON.stringify(size)}: ${error.message}`);
	}
}

/** Throws an Error with the kubelet's text. */
function readMaxPulls({ serializeImagePulls, maxParallelImagePulls: max }: KubeletConfiguration): number {
	if (max !== undefined && max < 1) throw new Error(`invalid configuration: maxParallelImagePulls ${max} must be a positive number`);
	if (max !== undefined && max > 1 && serializeImagePulls === true)
		throw new Error(
			"invalid configuration: maxParallelImagePulls cannot be larger than 1 unless SerializeImagePulls (--serialize-image-pulls) is set to false",
		);
	return serializeImagePulls === true ? 1 : (max ?? Number.POSITIVE_INFINITY);
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
