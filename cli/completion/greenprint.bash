# Completion of greenprint(1) for bash.

_greenprint() {
  local word=${COMP_WORDS[COMP_CWORD]}
  local before=${COMP_WORDS[COMP_CWORD - 1]}
  local command=${COMP_WORDS[1]}
  local words=
  COMPREPLY=()
  compopt +o default 2>/dev/null

  if [[ $COMP_CWORD -eq 1 ]]; then
    words="keygen inspect verify version --help --version"
  else
    case $before in
      -o | --output | -k | --key | --passphrase-file)
        compopt -o default 2>/dev/null
        return
        ;;
      --gamma) words="1/2 1/4 1/8" ;;
      --seeding) words="hash min fixed" ;;
      --cost) words="interactive moderate sensitive" ;;
      --format) words="tokens jsonl" ;;
      --context-width | --alpha | --tenant | --field) return ;;
      *)
        case $command in
          keygen)
            words="--output --gamma --context-width --seeding --passphrase-file --cost
              --unsealed --help"
            ;;
          inspect) words="--json --help" ;;
          verify)
            words="--key --passphrase-file --alpha --tenant --format --field --per-document
              --json --help"
            ;;
          version) words="--help" ;;
        esac
        if [[ $word != -* ]]; then
          if [[ $command == inspect || $command == verify ]]; then
            compopt -o default 2>/dev/null
          fi
          return
        fi
        ;;
    esac
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -F _greenprint greenprint
