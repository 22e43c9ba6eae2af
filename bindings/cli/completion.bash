# Asks the installed command, so that the completion never differs from it.
eval "$(nipops completion bash)"
