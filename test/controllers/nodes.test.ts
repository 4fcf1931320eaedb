import { disruptionLives } from "./lives/disruption.ts";
import { nodeLives } from "./lives/nodes.ts";
import { testLives } from "./properties.ts";

testLives({ ...nodeLives, ...disruptionLives });
