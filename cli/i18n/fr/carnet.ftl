# Les mots de la commande, en français. Une clé par phrase ; mêmes clés et mêmes variables qu'en anglais.

## Mise en page

pair = { $name } : { $value }
warning = Attention : { $text }
failure = Échec : { $text }
confirm = { $question } [o/n]
confirm-yes-words = o oui y yes
compare-code = Code affiché ici : { $digits }. S'il est identique sur l'autre appareil, tapez « identique » :
ask-passphrase = Phrase de passe :
ask-new-passphrase = Nouvelle phrase de passe :
ask-new-passphrase-again = Encore une fois :
output-failed = La sortie n'a pas pu être écrite : { $reason }.

## Aide

help-usage = Utilisation :
help-commands = Commandes :
help-arguments = Arguments :
help-options = Options :
help-command-name = COMMANDE
help-values = { $text } [valeurs : { $values }]

command = Le carnet de santé qui reste chez vous : chiffré, hors ligne, sans compte.
command-completions = Écrit le script de complétion d'un interpréteur de commandes.

option-vault = Dossier du coffre. Par défaut, le dossier de données de la plateforme ; voir aussi CARNET_VAULT.
option-record = Carnet visé, par son nom ou son identifiant. Par défaut, le seul, ou celui marqué par défaut.
option-json = Un seul objet JSON sur la sortie standard.
option-yes = Répond oui aux confirmations ; jamais à une comparaison de codes ni à la relecture des mots de secours.
option-quiet = Ni commentaires ni progression.
option-lang = Langue des échanges.
option-passphrase-file = Phrase de passe : première ligne de ce fichier, refusé si d'autres comptes peuvent le lire.
option-passphrase-fd = Phrase de passe : première ligne lue sur ce descripteur ouvert.
option-help = Affiche cette aide.
option-version = Affiche la version.
option-completions-shell = Interpréteur de commandes.

## Mots mal compris

usage-unknown-option = L'option « { $option } » n'existe pas.
usage-unknown-option-suggest = L'option « { $option } » n'existe pas. Vouliez-vous dire « { $suggestion } » ?
usage-unknown-command = La commande « { $word } » n'existe pas.
usage-missing-command = Il manque le nom d'une commande.
usage-missing = Il manque : { $option }.
usage-conflict = « { $option } » et « { $other } » ne vont pas ensemble.
usage-value = La valeur donnée à « { $option } » n'est pas acceptée.
usage-value-among = La valeur donnée à « { $option } » n'est pas acceptée. Valeurs possibles : { $values }.
usage-not-for-kind = « { $option } » ne veut rien dire pour une entrée de genre { $kind }.
usage-kind-not-editable = Une entrée de genre { $kind } ne se modifie pas ici.
usage-components = { $kind } s'écrit en deux nombres séparés par une barre : 120/80.
usage-other = La ligne de commande n'est pas comprise.

## Règles du carnet

rule-before-birth = La date est antérieure à la naissance.
rule-character = « { $field } » contient un caractère refusé.
rule-component = Il manque une partie à { $kind } : { $component }.
rule-computed = { $kind } est calculé et ne se saisit pas.
rule-days-forbidden = Un nombre de jours ne va pas avec { $kind }.
rule-days-missing = { $kind } a besoin du nombre de jours concernés (--days).
rule-days-zero = La durée doit être supérieure à zéro.
rule-diastolic = La pression systolique doit être supérieure à la diastolique.
rule-end-before-start = La fin précède le début.
rule-markup = « { $field } » contient du balisage.
rule-missing = Il manque « { $field } ».
rule-moment-forbidden = Un moment ne va pas avec { $kind }.
rule-moment-missing = { $kind } a besoin de son moment (--moment fasting, after-meal…).
rule-not-whole = { $kind } est un nombre entier.
rule-bounds = { $kind } se situe entre { $low } et { $high } { $unit }.
rule-too-long = « { $field } » a plus de { $max } caractères.
rule-unit = Cette unité ne va pas avec { $kind }, qui s'exprime en { $unit }.
rule-value-forbidden = { $kind } n'a pas de valeur propre.
rule-other = Une règle du carnet n'est pas respectée ({ $rule }).
remark-finess-key = La clé du numéro FINESS est fausse. Le numéro est gardé tel quel.
remark-ins-key = La clé du numéro INS est fausse. Le numéro est gardé tel quel.
remark-rpps-key = La clé du numéro RPPS est fausse. Le numéro est gardé tel quel.

## Le kit de secours, imprimé dans les deux langues

kit-title = Kit de secours
kit-what = Ces 24 mots ouvrent le carnet quand tous les appareils sont perdus. Quiconque lit cette feuille peut tout lire : gardez-la comme un testament, loin des appareils. Personne, pas même le relais, ne peut réinitialiser votre accès.
kit-record = Identifiant du carnet
kit-relay = Adresse du relais
kit-no-relay = sans relais
kit-use = Pour retrouver le carnet : sur un appareil neuf, lancez « carnet recovery restore --kit » et tapez les mots dans l'ordre. Le code ci-contre dit la même chose que cette feuille.

## Échecs : ce qui s'est passé, ce que cela veut dire pour vos données, ce qu'il faut faire

error-usage = { $what }
    .meaning = Rien n'a été fait.
    .hint = « carnet --help » donne la liste des commandes ; « carnet COMMANDE --help », celle de leurs options.
error-bad-blood-group = Ce groupe sanguin n'existe pas.
    .meaning = Rien n'a été enregistré.
    .hint = Écrivez A+, A-, B+, B-, AB+, AB-, O+ ou O-.
error-bad-code = Le code donné à « { $option } » n'est pas compris.
    .meaning = Rien n'a été enregistré.
    .hint = Écrivez SYSTÈME|CODE, par exemple cim10|E11.9 ; un code CIP a 7 ou 13 chiffres.
error-bad-stay-length = La durée du séjour n'est pas comprise.
    .meaning = Rien n'a été enregistré.
    .hint = Écrivez un nombre suivi de j, s, m ou a : 3j, 2s, 1m, 1a.
error-rules = { $rules }
    .meaning = Rien n'a été enregistré.
    .hint = Corrigez la saisie et recommencez.
error-bad-date = La date donnée à « { $option } » n'est pas comprise.
    .meaning = Rien n'a été enregistré.
    .hint = Écrivez 2019, 2019-05 ou 2019-05-03 ; pour un instant, 2019-05-03T08:30:00+02:00.
error-bad-duration = La durée donnée à « { $option } » n'est pas comprise.
    .meaning = Rien n'a été fait.
    .hint = Écrivez un nombre suivi de s, m, h ou d : 15m, 8h, 2d.
error-bad-number = Le nombre donné à « { $option } » n'est pas compris.
    .meaning = Rien n'a été enregistré.
    .hint = Écrivez 72,4 ou 72.4, sans unité ni espace.
error-codes-differ = Les deux codes n'ont pas été déclarés identiques.
    .meaning = L'appairage est abandonné : aucun accès n'a été donné, rien n'a été reçu.
    .hint = Si les codes étaient différents, quelqu'un s'est peut-être glissé entre les deux appareils : recommencez avec une nouvelle invitation, de préférence côte à côte.
error-config-invalid = Le fichier de réglages { $path } n'est pas compris : { $reason }.
    .meaning = Aucun coffre n'a été ouvert.
    .hint = Corrigez le fichier ou retirez-le. Clés connues : vault, record, language, relay.
error-confirmation-needed = Une confirmation est nécessaire, et il n'y a pas de terminal pour la demander.
    .meaning = Rien n'a été fait.
    .hint = Si vous êtes sûr, ajoutez --yes.
error-file-shared = Le fichier { $path } peut être lu par d'autres comptes de cette machine.
    .meaning = Le coffre est resté fermé ; rien n'a été lu ni modifié.
    .hint = Réservez-le à votre compte (chmod 600), puis choisissez une autre phrase de passe si quelqu'un a pu la lire.
error-file-unreadable = Le fichier { $path } n'a pas pu être lu : { $reason }.
    .meaning = Rien n'a été enregistré.
    .hint = Vérifiez le chemin et vos droits, puis recommencez.
error-no-answer = Aucune réponse n'est arrivée.
    .meaning = Rien n'a été fait.
    .hint = Relancez la commande dans un terminal, ou donnez la réponse sur l'entrée standard.
error-no-home = Le dossier personnel est inconnu, et aucun coffre n'est désigné.
    .meaning = Rien n'a été lu ni écrit.
    .hint = Indiquez le dossier du coffre avec --vault ou CARNET_VAULT.
error-no-terminal = Une phrase de passe est nécessaire, et il n'y a pas de terminal pour la demander.
    .meaning = Le coffre est resté fermé ; rien n'a été lu ni modifié.
    .hint = Donnez --passphrase-file ou --passphrase-fd, ou lancez la commande dans un terminal.
error-not-confirmed = Vous n'avez pas confirmé.
    .meaning = Rien n'a été fait.
    .hint = Relancez la commande quand vous serez sûr.
error-passphrase-length = La phrase de passe est vide ou trop longue.
    .meaning = Le coffre n'a pas changé.
    .hint = Donnez une phrase de passe d'une seule ligne.
error-passphrases-differ = Les deux saisies de la nouvelle phrase de passe sont différentes.
    .meaning = Le coffre n'a pas changé.
    .hint = Recommencez, sans vous presser.
