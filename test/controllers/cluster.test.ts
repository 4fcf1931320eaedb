import { clusterLives } from "./lives/cluster.ts";
import { testLives } from "./properties.ts";

testLives(clusterLives);
