# The words of the command, in English. One key a sentence; same keys and same variables as in French.

## Layout

pair = { $name }: { $value }
warning = Warning: { $text }
failure = Failed: { $text }
confirm = { $question } [y/n]
confirm-yes-words = y yes o oui
compare-code = Code shown here: { $digits }. If it is the same on the other device, type "same":
ask-passphrase = Passphrase:
ask-new-passphrase = New passphrase:
ask-new-passphrase-again = Once more:
output-failed = The output could not be written: { $reason }.

## Help

help-usage = Usage:
help-commands = Commands:
help-arguments = Arguments:
help-options = Options:
help-command-name = COMMAND
help-values = { $text } [values: { $values }]

command = The health record that stays with you: encrypted, offline, without an account.
command-completions = Writes the completion script of a shell.

option-vault = Folder of the vault. By default the platform's data folder; see also CARNET_VAULT.
option-record = The record meant, by name or identifier. By default the only one, or the one marked as default.
option-json = One JSON object on standard output.
option-yes = Answers yes to confirmations; never to a comparison of codes nor to reading back the recovery words.
option-quiet = Neither talk nor progress.
option-lang = Language of the talk.
option-passphrase-file = Passphrase: first line of this file, refused if other accounts can read it.
option-passphrase-fd = Passphrase: first line read from this open descriptor.
option-help = Shows this help.
option-version = Shows the version.
option-completions-shell = The shell.

## Words not understood

usage-unknown-option = There is no option "{ $option }".
usage-unknown-option-suggest = There is no option "{ $option }". Did you mean "{ $suggestion }"?
usage-unknown-command = There is no command "{ $word }".
usage-missing-command = The name of a command is missing.
usage-missing = Missing: { $option }.
usage-conflict = "{ $option }" and "{ $other }" do not go together.
usage-value = The value given to "{ $option }" is not accepted.
usage-value-among = The value given to "{ $option }" is not accepted. Possible values: { $values }.
usage-not-for-kind = "{ $option }" means nothing for an entry of kind { $kind }.
usage-kind-not-editable = An entry of kind { $kind } cannot be edited here.
usage-components = { $kind } is written as two numbers with a slash between: 120/80.
usage-other = The command line is not understood.

## Rules of the record

rule-before-birth = The date lies before the birth.
rule-character = "{ $field }" holds a character that is refused.
rule-component = { $kind } lacks a part: { $component }.
rule-computed = { $kind } is computed and cannot be typed.
rule-days-forbidden = A number of days does not go with { $kind }.
rule-days-missing = { $kind } needs the number of days it is about (--days).
rule-days-zero = The length must be above zero.
rule-diastolic = The systolic pressure must be above the diastolic one.
rule-end-before-start = The end comes before the start.
rule-markup = "{ $field }" holds markup.
rule-missing = "{ $field }" is missing.
rule-moment-forbidden = A moment does not go with { $kind }.
rule-moment-missing = { $kind } needs its moment (--moment fasting, after-meal…).
rule-not-whole = { $kind } is a whole number.
rule-bounds = { $kind } lies between { $low } and { $high } { $unit }.
rule-too-long = "{ $field }" has more than { $max } characters.
rule-unit = This unit does not go with { $kind }, which is given in { $unit }.
rule-value-forbidden = { $kind } has no value of its own.
rule-other = A rule of the record is broken ({ $rule }).
remark-finess-key = The check digit of the FINESS number is wrong. The number is kept as it is.
remark-ins-key = The check digits of the INS number are wrong. The number is kept as it is.
remark-rpps-key = The check digit of the RPPS number is wrong. The number is kept as it is.

## The recovery kit, printed in both languages

kit-title = Recovery kit
kit-what = These 24 words open the record when every device is lost. Whoever reads this sheet can read everything: keep it like a will, away from the devices. Nobody, not even the relay, can reset your access.
kit-record = Record identifier
kit-relay = Relay address
kit-no-relay = no relay
kit-use = To get the record back: on a new device, run "carnet recovery restore --kit" and type the words in order. The code beside says the same as this sheet.

## Failures: what happened, what it means for your data, what to do

error-usage = { $what }
    .meaning = Nothing was done.
    .hint = "carnet --help" lists the commands; "carnet COMMAND --help" lists their options.
error-bad-blood-group = There is no such blood group.
    .meaning = Nothing was saved.
    .hint = Write A+, A-, B+, B-, AB+, AB-, O+ or O-.
error-bad-code = The code given to "{ $option }" is not understood.
    .meaning = Nothing was saved.
    .hint = Write SYSTEM|CODE, for instance icd10|E11.9; a CIP code has 7 or 13 digits.
error-bad-stay-length = The length of the stay is not understood.
    .meaning = Nothing was saved.
    .hint = Write a number followed by d, w, m or y: 3d, 2w, 1m, 1y.
error-rules = { $rules }
    .meaning = Nothing was saved.
    .hint = Mend what was typed and try again.
error-bad-date = The date given to "{ $option }" is not understood.
    .meaning = Nothing was saved.
    .hint = Write 2019, 2019-05 or 2019-05-03; for an instant, 2019-05-03T08:30:00+02:00.
error-bad-duration = The duration given to "{ $option }" is not understood.
    .meaning = Nothing was done.
    .hint = Write a number followed by s, m, h or d: 15m, 8h, 2d.
error-bad-number = The number given to "{ $option }" is not understood.
    .meaning = Nothing was saved.
    .hint = Write 72.4 or 72,4, without unit or space.
error-codes-differ = The two codes were not said to be the same.
    .meaning = The pairing is abandoned: no access was given, nothing was received.
    .hint = If the codes were different, someone may have slipped between the two devices: start again with a new invitation, side by side if you can.
error-config-invalid = The settings file { $path } is not understood: { $reason }.
    .meaning = No vault was opened.
    .hint = Mend the file or take it away. Known keys: vault, record, language, relay.
error-confirmation-needed = A confirmation is needed, and there is no terminal to ask for it.
    .meaning = Nothing was done.
    .hint = If you are sure, add --yes.
error-file-shared = The file { $path } can be read by other accounts of this machine.
    .meaning = The vault stayed closed; nothing was read or changed.
    .hint = Keep it to your account (chmod 600), then choose another passphrase if someone may have read it.
error-file-unreadable = The file { $path } could not be read: { $reason }.
    .meaning = Nothing was saved.
    .hint = Check the path and your rights, then try again.
error-no-answer = No answer came.
    .meaning = Nothing was done.
    .hint = Run the command again in a terminal, or give the answer on standard input.
error-no-home = The home folder is unknown, and no vault is named.
    .meaning = Nothing was read or written.
    .hint = Name the folder of the vault with --vault or CARNET_VAULT.
error-no-terminal = A passphrase is needed, and there is no terminal to ask for it.
    .meaning = The vault stayed closed; nothing was read or changed.
    .hint = Give --passphrase-file or --passphrase-fd, or run the command in a terminal.
error-not-confirmed = You did not confirm.
    .meaning = Nothing was done.
    .hint = Run the command again when you are sure.
error-passphrase-length = The passphrase is empty or too long.
    .meaning = The vault has not changed.
    .hint = Give a passphrase on one line.
error-passphrases-differ = The two entries of the new passphrase are different.
    .meaning = The vault has not changed.
    .hint = Try again, without hurry.
