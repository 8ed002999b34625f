#!/usr/bin/env bash
# Makes a first corpus of the recorded answers in tests/data: their bodies, behind a byte that says how to
# cut them.
set -euo pipefail
cd "$(dirname "$0")"
for target in anthropic openai ollama sse ndjson; do
    case $target in
    openai) folders="openai groq llamacpp" ;;
    sse) folders="anthropic openai groq llamacpp" ;;
    ndjson) folders=ollama ;;
    *) folders=$target ;;
    esac
    mkdir -p "corpus/$target"
    for folder in $folders; do
        for sample in ../tests/data/"$folder"/*.txt; do
            for size in '\x00' '\x0d'; do
                { printf "$size"; sed '1,/^\r\{0,1\}$/d' "$sample"; } >"corpus/$target/$folder-$(basename "$sample" .txt)-$(printf '%s' "$size" | tr -d '\\')"
            done
        done
    done
done
