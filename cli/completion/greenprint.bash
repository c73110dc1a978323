# Completion of greenprint(1) for bash.

_greenprint() {
  local word=${COMP_WORDS[COMP_CWORD]}
  local before=${COMP_WORDS[COMP_CWORD - 1]}
  local command=${COMP_WORDS[1]}
  local words=
  COMPREPLY=()
  compopt +o default 2>/dev/null

  # bash takes the = of --normalize=STEPS for a word of its own.
  if [[ $before == = && ${COMP_WORDS[COMP_CWORD - 2]} == --normalize ]]; then
    before=--normalize=
  elif [[ $word == = && $before == --normalize ]]; then
    before=--normalize=
    word=
  fi

  if [[ $COMP_CWORD -eq 1 ]]; then
    words="keygen inspect verify prove check precompute merge contexts audit trace commit timestamp sign plan serve version --help --version"
  else
    case $before in
      -o | --output | -k | --key | --passphrase-file | -t | --tokenizer | --tenants | \
        --weights | --html | --partial | --reference | --served | --served-by | --tokens | \
        --state | --log | --tls-cert | --tls-key | --pub | --table | --token-file | --ca | \
        --committed | --request | --untrusted | --crl | -s | --secret | --signature | --new)
        compopt -o default 2>/dev/null
        return
        ;;
      --profile) words="provenance distill" ;;
      --gamma) words="1/2 1/4 1/8" ;;
      --seeding) words="hash min fixed" ;;
      --cost) words="interactive moderate sensitive" ;;
      --format) words="text tokens jsonl npy u16 u32" ;;
      --normalize=) words="all nfc newlines trailing" ;;
      --role) words="assistant user system" ;;
      --context-width | --alpha | --tenant | --field | -j | --jobs | --max-memory | \
        --delta | --entropy | --rate | --distinct | --power | --prompts | --controls | \
        --listen | --max-elements | --timeout | --threads | --sample | --vocabulary | --server | \
        --root | --tests | --policy | --comment)
        return
        ;;
      *)
        case $command in
          keygen)
            words="--output --profile --gamma --context-width --seeding --provable
              --passphrase-file --cost --unsealed --help"
            ;;
          inspect) words="--json --help" ;;
          verify)
            words="--key --passphrase-file --tenant --tenants --table --committed --root --tests
              --server --pub --token-file --ca --alpha --tokenizer --normalize --format --field
              --role --recursive --skip-bad --per-document --locate --weights --json --json-lines
              --html --partial --quiet --jobs --max-memory --help"
            ;;
          prove)
            words="--key --passphrase-file --tenant --output --sample --server --pub --token-file
              --ca --tokenizer --normalize --format --field --role --recursive --skip-bad --quiet --jobs --help"
            ;;
          check)
            words="--pub --committed --root --tests --alpha --tokenizer --normalize --format --field
              --role --recursive --skip-bad --per-document --locate --json --json-lines --html
              --quiet --jobs --max-memory --help"
            ;;
          precompute)
            words="--key --passphrase-file --vocabulary --tenant --output --quiet --jobs --help"
            ;;
          merge)
            words="--committed --root --tests --alpha --per-document --json --json-lines --partial
              --quiet --jobs --max-memory --help"
            ;;
          contexts)
            words="--output --json --quiet --key --context-width --tokenizer --normalize --format
              --field --role --recursive --skip-bad --help"
            ;;
          audit)
            words="--key --passphrase-file --tenant --table --committed --root --tests --alpha --open
              --reference --served --prompts --controls --tokenizer --normalize --format --field
              --role --json --html --quiet --jobs --help"
            ;;
          trace)
            words="--key --passphrase-file --tenants --table --committed --root --tests --alpha
              --served-by --prompts --tokenizer --normalize --format --field --role --json --html
              --quiet --jobs --help"
            ;;
          commit) words="--output --root --json --quiet --help" ;;
          timestamp)
            words="--output --sha512 --request --ca --untrusted --crl --policy --at-stamp-time
              --json --quiet --help"
            ;;
          sign)
            words="--secret --output --comment --pub --signature --new --passphrase-file --cost
              --unsealed --quiet --help"
            ;;
          plan)
            words="--gamma --delta --entropy --rate --distinct --alpha --power --key --tenant
              --passphrase-file --json --help"
            ;;
          serve)
            words="--key --passphrase-file --listen --tokens --state --tls-cert --tls-key
              --plain-http --max-elements --timeout --threads --log --help"
            ;;
          version) words="--help" ;;
        esac
        if [[ $command == contexts && $COMP_CWORD -eq 2 && $word != -* ]]; then
          words="build merge info"
        elif [[ $command == serve && $COMP_CWORD -eq 2 && $word != -* ]]; then
          words="new-token"
        elif [[ $command == timestamp && $COMP_CWORD -eq 2 && $word != -* ]]; then
          words="request attach verify"
        elif [[ $word != -* ]]; then
          if [[ $COMP_CWORD -eq 2 && $command == commit ]]; then
            mapfile -t COMPREPLY < <(compgen -W "prove check show" -- "$word")
          elif [[ $COMP_CWORD -eq 2 && $command == sign ]]; then
            mapfile -t COMPREPLY < <(compgen -W "verify" -- "$word")
          fi
          case $command in
            inspect | verify | prove | check | merge | contexts | audit | trace | commit | timestamp | sign | plan)
              compopt -o default 2>/dev/null
              ;;
          esac
          return
        fi
        ;;
    esac
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -F _greenprint greenprint
