package main

import (
	"encoding/binary"
	"fmt"
	"os"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

// sections splits a file of iden3's binary format (magic, version, numbered sections) into its sections.
func sections(path, magic string) (map[uint32][]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(data) < 12 || string(data[:4]) != magic {
		return nil, fmt.Errorf("%s is not a .%s file", path, magic)
	}
	found := map[uint32][]byte{}
	for rest := data[12:]; len(rest) > 0; {
		if len(rest) < 12 {
			return nil, fmt.Errorf("%s: torn section header", path)
		}
		kind, size := binary.LittleEndian.Uint32(rest), binary.LittleEndian.Uint64(rest[4:])
		if uint64(len(rest)-12) < size {
			return nil, fmt.Errorf("%s: section %d is torn", path, kind)
		}
		found[kind] = rest[12 : 12+size]
		rest = rest[12+size:]
	}
	return found, nil
}

// term is a coefficient times a wire's value.
type term struct {
	wire        uint32
	coefficient fr.Element
}

// circuit is an R1CS as a .r1cs file has it: wire 0 is the constant 1, the public inputs follow.
type circuit struct {
	wires, public uint32
	rows          [][3][]term
}

// readCircuit reads a .r1cs file written for BN254's scalar field.
func readCircuit(path string) (*circuit, error) {
	found, err := sections(path, "r1cs")
	if err != nil {
		return nil, err
	}
	header := found[1]
	if len(header) < 64 || binary.LittleEndian.Uint32(header) != fr.Bytes {
		return nil, fmt.Errorf("%s: another field", path)
	}
	numbers := header[4+fr.Bytes:]
	outputs, inputs := binary.LittleEndian.Uint32(numbers[4:]), binary.LittleEndian.Uint32(numbers[8:])
	read := &circuit{wires: binary.LittleEndian.Uint32(numbers), public: outputs + inputs}
	read.rows = make([][3][]term, binary.LittleEndian.Uint32(numbers[24:]))
	rest := found[2]
	for row := range read.rows {
		for side := range read.rows[row] {
			read.rows[row][side], rest, err = readCombination(rest)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
		}
	}
	return read, nil
}

func readCombination(data []byte) ([]term, []byte, error) {
	const size = 4 + fr.Bytes
	if len(data) < 4 {
		return nil, nil, fmt.Errorf("torn constraint")
	}
	count := int(binary.LittleEndian.Uint32(data))
	data = data[4:]
	if len(data)/size < count {
		return nil, nil, fmt.Errorf("torn constraint")
	}
	terms := make([]term, count)
	for i := range terms {
		terms[i].wire = binary.LittleEndian.Uint32(data)
		terms[i].coefficient = element(data[4:size])
		data = data[size:]
	}
	return terms, data, nil
}

// readWitness reads the values of all wires from a .wtns file.
func readWitness(path string) ([]fr.Element, error) {
	found, err := sections(path, "wtns")
	if err != nil {
		return nil, err
	}
	values := make([]fr.Element, len(found[2])/fr.Bytes)
	for i := range values {
		values[i] = element(found[2][i*fr.Bytes : (i+1)*fr.Bytes])
	}
	return values, nil
}

func element(littleEndian []byte) fr.Element {
	value, err := fr.LittleEndian.Element((*[fr.Bytes]byte)(littleEndian))
	if err != nil {
		panic(err) // our own files hold reduced values
	}
	return value
}
