// Command gnark times gnark's Groth16 prover on a circuit and a witness in iden3's formats.
//
// Every wire of the circuit is given, so gnark solves nothing: it checks the constraints and proves.
package main

import (
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/backend/groth16"
	"github.com/consensys/gnark/backend/witness"
	"github.com/consensys/gnark/constraint"
	cs "github.com/consensys/gnark/constraint/bn254"
	"github.com/consensys/gnark/logger"
)

type report struct {
	Name         string    `json:"name"`
	Version      string    `json:"version"`
	Constraints  int       `json:"constraints"`
	ProveSeconds []float64 `json:"prove_seconds"`
}

func main() {
	logger.Disable()
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gnark:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) != 3 {
		return fmt.Errorf("usage: gnark CIRCUIT.r1cs WITNESS.wtns RUNS")
	}
	runs, err := strconv.Atoi(arguments[2])
	if err != nil || runs < 1 {
		return fmt.Errorf("RUNS is %q", arguments[2])
	}
	read, err := readCircuit(arguments[0])
	if err != nil {
		return err
	}
	values, err := readWitness(arguments[1])
	if err != nil {
		return err
	}
	system := build(read)
	full, err := assign(read, values)
	if err != nil {
		return err
	}
	provingKey, verifyingKey, err := groth16.Setup(system)
	if err != nil {
		return err
	}
	out := report{Name: "gnark", Version: version(), Constraints: system.GetNbConstraints()}
	for range runs {
		started := time.Now()
		proof, err := groth16.Prove(system, provingKey, full)
		if err != nil {
			return err
		}
		out.ProveSeconds = append(out.ProveSeconds, time.Since(started).Seconds())
		public, err := full.Public()
		if err != nil {
			return err
		}
		if err := groth16.Verify(proof, verifyingKey, public); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// build makes gnark's constraint system of the same rows over the same wires, all of them inputs.
func build(read *circuit) *cs.R1CS {
	system := cs.NewR1CS(len(read.rows))
	for wire := range read.wires {
		if wire <= read.public { // the constant 1 counts as public
			system.AddPublicVariable(strconv.Itoa(int(wire)))
		} else {
			system.AddSecretVariable(strconv.Itoa(int(wire)))
		}
	}
	blueprint := system.AddBlueprint(&constraint.BlueprintGenericR1C{})
	for _, row := range read.rows {
		var sides [3]constraint.LinearExpression
		for side, terms := range row {
			for _, t := range terms {
				coefficient := system.FromInterface(t.coefficient)
				sides[side] = append(sides[side], system.MakeTerm(coefficient, int(t.wire)))
			}
		}
		system.AddR1C(constraint.R1C{L: sides[0], R: sides[1], O: sides[2]}, blueprint)
	}
	return system
}

// assign gives every wire but the constant its value.
func assign(read *circuit, values []fr.Element) (witness.Witness, error) {
	if len(values) != int(read.wires) {
		return nil, fmt.Errorf("%d values for %d wires", len(values), read.wires)
	}
	full, err := witness.New(ecc.BN254.ScalarField())
	if err != nil {
		return nil, err
	}
	stream := make(chan any)
	go func() {
		defer close(stream)
		for i := 1; i < len(values); i++ {
			stream <- values[i].BigInt(new(big.Int))
		}
	}()
	return full, full.Fill(int(read.public), int(read.wires-read.public-1), stream)
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "github.com/consensys/gnark" {
				return module.Version
			}
		}
	}
	return "unknown"
}
