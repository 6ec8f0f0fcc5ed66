# Les mots de la commande, en français. Une clé par phrase ; mêmes clés et mêmes variables qu'en anglais.

## Mise en page

pair = { $name } : { $value }
warning = Attention : { $text }
failure = Échec : { $text }
confirm = { $question } [o/n]
confirm-yes-words = o oui y yes
ask-passphrase = Phrase de passe :
ask-new-passphrase = Nouvelle phrase de passe :
ask-new-passphrase-again = Encore une fois :
output-failed = La sortie n'a pas pu être écrite : { $reason }.

## Ce que disent les commandes

vault-busy-waiting = Une autre commande utilise le coffre ; attente…
ask-remove-device = Retirer l'appareil « { $name } » ? Il ne recevra plus rien ; ce qu'il a déjà lu, il le garde.
ask-kit-group = Tapez les quatre mots du groupe { $group }, lus sur la feuille :
kit-words = Voici les 24 mots du kit de secours. Recopiez-les sur papier : ils ne seront plus jamais affichés.
list-empty = Rien.
saved = Enregistré : { $name } ({ $id }).
nothing-removed = Rien n'a été retiré : il n'y avait rien, ou plus rien.
state-name = { $state ->
        [DONE] fait
        [NOT_DONE] pas fait
        [NOT_SPECIFIED] non précisé
        [TO_PLAN] à programmer
        [active] en cours
        [administration] administration
        [arrived] arrivé
        [booked] prévu
        [busy] pris
        [cancelled] annulé
        [checked-in] enregistré
        [completed] terminé
        [current] en vigueur
        [dispensation] délivrance
        [draft] brouillon
        [entered-in-error] saisi par erreur
        [free] créneau libre
        [fulfilled] a eu lieu
        [inactive] inactif
        [noshow] manqué
        [not-done] pas fait
        [on-hold] suspendu
        [pending] en attente de réponse
        [prescription] prescription
        [proposed] proposé
        [recurrence] revenu
        [reimbursement] remboursement
        [relapse] rechute
        [remission] en rémission
        [removed] retiré
        [resolved] passé
        [statement] dit par la personne
        [stopped] arrêté
        [superseded] remplacé
        [unknown] inconnu
       *[other] { $state }
    }
moment-name = { $moment ->
        [after-effort] après un effort
        [after-meal] après le repas
        [before-meal] avant le repas
        [fasting] à jeun
        [malaise] lors d'un malaise
       *[other] { $moment }
    }
removed = { $count ->
        [one] Une entrée retirée.
       *[other] { $count } entrées retirées.
    } « edit ID --restore » la fait revenir.
field-word = { $name ->
        [absent_reason] Raison de l'absence
        [active] En activité
        [actor] Intervenant
        [acts] Actes et traitements
        [added] Ajoutés
        [address] Adresse
        [addresses] Adresses
        [administration] Place dans la série
        [alcohol_binge] Six verres ou plus en une occasion
        [alcohol_days] Jours avec alcool par semaine
        [alcohol_glasses] Verres d'alcool par semaine
        [already_there] Déjà là
        [answer] Réponse
        [application] Application
        [applies_to] S'applique à
        [as_needed] Si besoin
        [as_needed_for] Si besoin pour
        [at] Date
        [attachment] Contenu joint
        [author] Auteur
        [authors] Auteurs
        [birth_date] Date de naissance
        [birth_place] Lieu de naissance
        [birth_place_insee] Lieu de naissance (code INSEE)
        [body_site] Endroit du corps
        [body_sites] Endroits du corps
        [by] Par
        [care_end] Fin des soins
        [care_start] Début des soins
        [categories] Catégories
        [category] Catégorie
        [cigarettes] Cigarettes par jour
        [city] Ville
        [class] Classe
        [clinical] État clinique
        [code] Code
        [codings] Codes
        [comparator] Comparaison
        [components] Parties
        [conclusion] Conclusion
        [conclusion_codes] Codes de la conclusion
        [confidentiality] Confidentialité
        [context] Contexte
        [count] Nombre
        [country] Pays
        [counts] Comptes
        [created_at] Créé le
        [criticality] Danger possible
        [custodian] Conservé par
        [date] Date
        [days] Jours
        [deceased] Décès
        [denominator] Dénominateur
        [description] Description
        [determined_at] Déterminé le
        [device] Appareil
        [devices] Appareils
        [discharge] Sortie
        [display] En mots
        [dispute] Contestation
        [document_type] Type de document
        [dosage] Posologie
        [dosage_lines] Lignes de posologie
        [dose] Dose
        [dose_high] Dose la plus haute
        [dose_number] Numéro de la dose
        [doses_in_series] Doses de la série
        [duration] Durée
        [duration_unit] Unité de la durée
        [end] Fin
        [establishment] Établissement
        [events] Actes concernés
        [exercise] Activité physique régulière
        [exercise_days] Jours d'au moins 30 minutes d'activité
        [expires] Périme le
        [facility] Type d'établissement
        [family] Nom de famille
        [fat] Aliments gras
        [file_name] Nom du fichier
        [folder] Dossier
        [form] Forme
        [format] Format
        [frequency] Fréquence
        [fruit] Fruits et légumes
        [given] Prénoms
        [group] Groupe
        [high] Au plus
        [home_zones] Fuseaux du domicile
        [human_help] Aide humaine
        [identifiers] Identifiants
        [importer] Importé par
        [informed] Informé du don d'organes
        [ingredients] Composants
        [insee] Code INSEE
        [instruction] Consigne
        [instructions] Consignes
        [intent] Intention
        [interpretation] Interprétation
        [issued_at] Rendu le
        [language] Langue
        [languages] Langues
        [last_occurrence] Dernière fois
        [life_support] Maintien artificiel de la vie
        [lines] Lignes
        [lot] Lot
        [low] Au moins
        [mandatory] Obligatoire
        [manifestations] Signes
        [manufacturer] Fabricant
        [maximum] Maximum
        [meaning] Sens
        [measure] Mesure
        [mechanism] Mécanisme
        [media_type] Type de contenu
        [members] Membres
        [merged] Complétés
        [method] Méthode
        [minutes] Minutes
        [missing_members] Membres absents
        [moment] Moment
        [moments] Moments
        [name] Nom
        [names] Noms
        [not_given_reason] Raison du refus
        [numerator] Numérateur
        [of] De
        [onset] Début
        [onset_text] Début, en mots
        [organisation] Organisme
        [outcome] Issue
        [pages] Pages
        [panel] Ensemble de résultats
        [partial] Incomplet
        [participants] Participants
        [pathologies] Maladies visées
        [performer] Fait par
        [performers] Faits par
        [period] Période
        [period_unit] Unité de la période
        [picture] Photo
        [pinned] Épinglé
        [place] Lieu
        [postal_code] Code postal
        [prefix] Civilité
        [professions] Professions
        [quantity] Quantité
        [range] Intervalle
        [rate] Taux
        [reactions] Réactions
        [read] Lus
        [read_only] Non modifiable
        [reason] Raison
        [reasons] Raisons
        [recurrence] Répétition
        [reference] Valeurs de référence
        [refused] Refusés
        [region] Région
        [relation] Lien
        [relation_codes] Codes du lien
        [relationship] Lien de parenté
        [relative] Parent concerné
        [repeats] Renouvellements
        [replaces] Remplace
        [role] Rôle
        [route] Voie
        [salt] Attention au sel
        [screens] Écrans avant de dormir
        [sedation] Sédation
        [sequence] Rang
        [serial] Numéro de série
        [service] Service
        [set_aside] Mis de côté
        [set_id] Identifiant commun aux versions
        [setting] Cadre d'exercice
        [severity] Gravité
        [sex] Sexe
        [sha256] Empreinte SHA-256
        [since] Depuis
        [site] Endroit
        [sitting] Plus de deux heures assis
        [situation] Situation
        [size] Taille
        [sleep] Sommeil
        [smoking] Tabac
        [smoking_stopped] Arrêt du tabac
        [requirement] Obligation
        [sort] Genre
        [source] Source
        [specialities] Spécialités
        [speciality] Spécialité
        [specific_machine] Actes spécifiques – branchement à un appareil
        [specific_other] Actes spécifiques – autres
        [specific_resuscitation] Actes spécifiques – réanimation cardiaque
        [specific_surgery] Actes spécifiques – intervention chirurgicale
        [specimen] Prélèvement
        [start] Début
        [started_machine] Actes entrepris – branchement à un appareil
        [started_other] Actes entrepris – autres
        [started_resuscitation] Actes entrepris – réanimation cardiaque
        [started_surgery] Actes entrepris – intervention chirurgicale
        [state] État
        [stated_at] Déclaré le
        [stopped_machine] Actes arrêtés – branchement à un appareil
        [stopped_other] Actes arrêtés – autres
        [stopped_resuscitation] Actes arrêtés – réanimation cardiaque
        [stopped_surgery] Actes arrêtés – intervention chirurgicale
        [street] Voie
        [substance] Substance
        [suffix] Suffixe
        [sugar] Aliments et boissons sucrés
        [system] Nomenclature
        [tags] Étiquettes
        [technical_help] Aide technique
        [telecoms] Téléphones et adresses électroniques
        [text] Texte
        [times] Heures
        [title] Titre
        [type] Type
        [types] Types
        [uid] Identifiant du calendrier
        [unique_id] Identifiant unique
        [unit] Unité
        [unit_text] Unité, en mots
        [until] Jusqu'au
        [use] Usage
        [used_as] Usage
        [validated_by_professional] Validé par un professionnel
        [value] Valeur
        [vaping] Cigarette électronique
        [verification] Certitude
        [version] Version
        [warnings] Remarques
        [when_text] Date, en mots
        [wish] Souhait
        [zones] Fuseaux
       *[other] { $name }
    }
field-of = { $outer } › { $inner }
label = { $text }
kind-name = { $kind ->
        [absence] Absence déclarée
        [activity] Activité
        [activity-summary] Totaux du jour
        [allergy] Allergie
        [answer] Réponse
        [appointment] Rendez-vous
        [attachment] Pièce jointe
        [blood-group] Groupe sanguin
        [contact] Contact
        [directive] Directives anticipées
        [disability] Handicap
        [disease] Maladie
        [document] Document
        [donation] Don d'organes
        [encounter] Séjour ou visite
        [family-history] Antécédent familial
        [file] Fichier
        [heart-beat] Battements
        [identity] Identité
        [import-report] Rapport d'import
        [lifestyle] Habitudes de vie
        [measure] Mesure
        [metadata] Détails
        [person] Personne
        [prevention] Examen de prévention
        [procedure] Acte
        [record] Ligne
        [reminder] Rappel
        [result] Résultat
        [route] Trajet
        [route-point] Point d'un trajet
        [sleep-stage] Phase de sommeil
        [source] Source
        [target] Cible
        [treatment] Traitement
        [vaccination] Vaccination
        [zone] Fuseau horaire
       *[other] { $kind }
    }
reminder-every = { $unit ->
        [DAY] { $count ->
            [one] tous les jours
           *[other] tous les { $count } jours
        }
        [MONTH] { $count ->
            [one] tous les mois
           *[other] tous les { $count } mois
        }
        [WEEK] { $count ->
            [one] toutes les semaines
           *[other] toutes les { $count } semaines
        }
        [YEAR] { $count ->
            [one] tous les ans
           *[other] tous les { $count } ans
        }
       *[other] { $count } { $unit }
    }{ $times ->
        [none] {""}
       *[other] , aussi à { $times }
    }{ $until ->
        [none] {""}
       *[other] , jusqu'au { $until }
    }
calendar-unit = { $unit ->
        [DAY] jours
        [MONTH] mois
        [WEEK] semaines
        [YEAR] ans
       *[other] { $unit }
    }
agenda-nothing-next = Rien de prévu.

# Ce que des règles publiées recommandent

ask-rules-publisher = Suivre ces règles, et accepter ensuite sans demander les plus récentes signées par la même clé ? Comparez d'abord son empreinte avec celle que donne qui les publie.
rules-head = { $title } ({ $country }).
rules-dates = Règles du { $date }, à revoir à partir du { $review }.
rules-bundled = Fournies avec Carnet.
rules-publisher = Signées par la clé { $key }.
rules-sources = Sources ({ $count }) :
rules-source = - { $title }, { $publisher }, { $date }. { $address }
rules-left-out = Ce qu'elles laissent de côté :
due-head = { $title }. Règles du { $rules }, pour le { $today }.
due-stale = Ces règles sont anciennes : de plus récentes sont sans doute publiées.
due-foot = Carnet répète ce qui est publié et ne connaît que ce qui est noté ici. Ce n'est pas un avis médical : parlez-en à votre médecin ou à votre pharmacien. Détails : carnet agenda due CODE. Tout voir : --all.
due-nothing = Rien à signaler : rien n'est attendu dans les douze mois.
due-group = { $head } ({ $count })
due-item = - { $name }
due-title-step = { $title }, { $step }
due-title-dose = { $title }, dose { $number } sur { $of }
due-condition = Seulement { $condition }.
due-from = À partir du { $from }.
due-until = Jusqu'au { $to }.
due-since = Prévu depuis le { $from }, pas noté comme fait.
due-was = Prévu du { $from } au { $to }, pas noté comme fait.
due-done = Fait le { $day }.
due-before = La fois d'avant : le { $day }.
due-mark = Vous avez noté : { $said }{ $day ->
        [none] {""}
       *[other] , { $day }
    }.
due-booklet = Pour la noter aussi dans les vaccinations, mettez le nom du vaccin :
due-booklet-command = carnet profile add vaccine --name "…" --at { $day }
due-lacking = Il manque encore : { $names }.
due-counted = Compté : { $name }, { $day }.
due-need = { $need ->
    [OBLIGATOIRE] obligatoire
    [mandatory] obligatoire
   *[other] recommandé
}
due-rule = Règle { $code } ({ $need }), { $source }.
due-rule-full = Règle { $code } ({ $need }) : { $title }, { $publisher }, { $date }. { $address }
due-if = Seulement dans certaines situations
due-state-overdue = En retard d'après ce qui est noté
due-state-due = À faire maintenant
due-state-upcoming = À venir
due-state-done = Noté comme fait
due-state-past = L'âge prévu est passé
due-state-unknown = Impossible à dire
due-missing-birth = Il manque la date de naissance : rien ne peut être dit. Ajoutez-la avec carnet profile add identity --birth DATE, ou profile edit.
due-missing-day-done = Il manque le jour exact d'une vaccination ou d'un examen : il change la réponse.
due-missing-day-of-birth = Il manque le jour exact de naissance : il change la réponse.
due-missing-sex = Il manque le sexe dans l'identité : cette règle en dépend.
due-missing-today = La date du jour ne peut pas être la bonne : avant la naissance, avant ces règles ou trop loin après. Vérifiez l'horloge et la date de naissance, ou donnez le jour avec --on.
due-uncounted = Vaccinations non comptées ({ $count })
due-uncounted-item = - { $name }{ $day ->
        [none] {""}
       *[other] {" "}({ $day })
    } : { $reason }.
due-uncounted-reason = { $reason ->
    [future] la date est à venir
    [not-recognised] le nom n'est pas connu des règles
    [undated] sans date
   *[other] hors des règles pour cette personne
}
usage-due-mark-unknown = Il manque de quoi savoir ce qui est recommandé : rien n'a été noté.
    .hint = « agenda due CODE » dit ce qui manque.
usage-due-code = Aucune règle ni recommandation ne porte le code { $code } pour cette personne.
    .hint = Les codes sont dans carnet agenda due --all.
target-standing = { $standing ->
        [above] au-dessus
        [below] en dessous
        [within] atteinte
       *[other] { $standing }
    }
target-removed = La cible est retirée : { $kind }.
contact-relation = { $who ->
        [CHILD] enfant
        [FATHER] père
        [MOTHER] mère
        [OTHER] autre lien
        [SPOUSE] conjoint ou conjointe
        [TUTEUR] tuteur ou tutrice
       *[other] { $who }
    }
contact-sort = { $sort ->
        [establishment] établissement
        [professional] professionnel
        [relative] proche
        [team] équipe
       *[other] { $sort }
    }
contact-type = { $part ->
        [CAREGIVER_CONTACT] aidant
        [EMERGENCY_CONTACT] à prévenir en cas d'urgence
        [HELP_CONTACT] personne aidée
        [TRUSTED_CONTACT] personne de confiance
       *[other] { $part }
    }
sex-name = { $sex ->
        [female] féminin
        [male] masculin
        [other] autre
        [unknown] non connu
       *[else] { $sex }
    }
administration-name = { $sort ->
        [BOOSTER] rappel
        [IMMUNIZ] non connue
        [INITIMMUNIZ] première
       *[other] { $sort }
    }
level-name = { $level ->
        [high] élevé
        [low] faible
        [unable-to-assess] non évaluable
       *[other] { $level }
    }
encounter-class = { $class ->
        [AMB] consultation
        [EMER] urgences
        [HH] à domicile
        [IMP] hospitalisation
        [VR] à distance
       *[other] { $class }
    }
disability-type = { $about ->
        [DISABLING_DISEASES] maladie invalidante
        [ENGINE] moteur
        [NEURO_DEVELOPMENTAL_DISORDER] trouble du neurodéveloppement
        [OTHERS] autre
        [POLY_DISABILITY] polyhandicap
        [PSYCHIC] psychique
        [SENSORY] sensoriel
       *[other] { $about }
    }
disability-rate = { $rate ->
        [BETWEEN_50_AND_79] de 50 à 79 %
        [BIGGER_THAN_80_OR_EQUAL] 80 % ou plus
        [LESS_THAN_50] moins de 50 %
        [UNKNOWN] taux non connu
       *[other] { $rate }
    }
relative = { $who ->
        [AUNT] tante
        [BROTHER] frère
        [FATHER] père
        [GRANDFATHER] grand-père
        [GRANDMOTHER] grand-mère
        [GREAT_GRANDFATHER] arrière-grand-père
        [GREAT_GRANDMOTHER] arrière-grand-mère
        [MOTHER] mère
        [OTHER] autre membre de la famille
        [SISTER] sœur
        [UNCLE] oncle
       *[other] { $who }
    }
answer-name = { $code ->
        [BAD_ALL_TIMES] toujours mauvais
        [BAD_OFTEN] souvent mauvais
        [BAD_SOMETIMES] parfois mauvais
        [BETWEEN_ONE_YEAR_AND_FIVE_YEARS_AGO] depuis un à cinq ans
        [BOTH] les deux
        [END_OF_LIFE] en fin de vie
        [EVERYDAY] tous les jours
        [EVERY_DAY] tous les jours
        [EVERY_DAY_OR_ALMOST] tous les jours ou presque
        [FIVE_TO_SEVEN_TIMES_A_WEEK] cinq à sept fois par semaine
        [GOOD] bon
        [GOOD_HEALTH] en bonne santé
        [IN_MY_SPARE_TIME] pendant mon temps libre
        [IN_MY_WORK_IN_MY_STUDIES] au travail ou pendant mes études
        [MORE_ONCE_A_MONTH] plus d'une fois par mois
        [MORE_ONCE_A_WEEK] plus d'une fois par semaine
        [NEITHER_OF_TWO] ni l'un ni l'autre
        [NEVER] jamais
        [NO] non
        [NONE] pas dit
        [NOT_EVERYDAY] pas tous les jours
        [NO_BUT_I_HAVE_SMOKED_IN_THE_PAST] non, mais j'ai fumé
        [NO_BUT_I_HAVE_VAPED_IN_THE_PAST] non, mais j'ai vapoté
        [ONE_TO_TWO_TIMES_A_WEEK] une à deux fois par semaine
        [SEVERAL_TIMES_MONTH] plusieurs fois par mois
        [SEVERAL_TIMES_WEEK] plusieurs fois par semaine
        [SINCE_LESS_THAN_ONE_YEAR] depuis moins d'un an
        [SINCE_MORE_THAN_FIVE_YEARS] depuis plus de cinq ans
        [THREE_TO_FOUR_TIMES_A_WEEK] trois à quatre fois par semaine
        [YES] oui
        [YES_EVERY_DAY] oui, tous les jours
        [YES_OCCASIONALLY] oui, à l'occasion
       *[other] { $code }
    }
donation-register = Qui refuse le don l'inscrit au registre national des refus : { $address }. Ce qui est écrit ici n'y figure pas.
form-answer = { $question } : { $answer }.
form-answers = { $count ->
        [one] { $count } réponse
       *[other] { $count } réponses
    }
form-choice = { $typed } = { $word } ;
form-no-answer = plus de réponse
form-number = un nombre de { $low } à { $high }
form-words = vos mots
absence-name = { $kind ->
        [ALLERGIES] Allergies
        [DEVICES] Implants et dispositifs
        [DISABILITIES] Handicaps
        [DISEASES] Maladies
        [FAMILY_HISTORIES] Antécédents familiaux
        [HOSPITALIZATIONS] Séjours à l'hôpital
        [PROCEDURES] Actes
        [RESULTS] Résultats
        [TREATMENTS] Traitements
        [VACCINATIONS] Vaccinations
       *[other] { $kind }
    } : { $meaning ->
        [none-known] rien de connu
        [not-concerned] non concerné
        [not-done] pas fait
        [unavailable] pas dit
       *[other] { $meaning }
    }
section-name = { $section ->
        [access] journal d'accès
        [agenda] agenda
        [contacts] contacts
        [documents] documents
        [history] antécédents
        [identity] identité
        [measures] mesures
        [messages] messages
        [results] résultats
        [roster] appareils
        [treatments] traitements
        [vaccines] vaccins
        [wishes] volontés
       *[other] { $section }
    }
origin-name = { $origin ->
        [application] déposé par une application
        [device] mesuré par un appareil
        [import] lu dans un fichier
        [national-service] venu de Mon espace santé
        [typed] saisi
       *[other] { $origin }
    }
origin-of = { $origin } ({ $names })
measure-column = { $name ->
        [count] Nombre
        [day] Jour
        [device] Appareil
        [application] Application
        [end] Fin
        [first] Premier
        [height] Taille
        [kind] Genre
        [last] Dernier
        [max] Plus haut
        [min] Plus bas
        [moment] Moment
        [source] Source
        [sources] Sources
        [start] Début
        [sum] Somme
        [target] Cible
        [unit] Unité
        [weight] Poids
       *[other] { $name }
    }
measure-samples = { $count ->
        [one] Et { $count } relevé d'appareil : « measure list --sources » dit de quoi.
       *[other] Et { $count } relevés d'appareils : « measure list --sources » dit de quoi.
    }
measure-samples-of = { $count ->
        [one] Et { $count } relevé d'appareil : « measure list { $slug } --raw » le donne.
       *[other] Et { $count } relevés d'appareils : « measure list { $slug } --daily » en donne les jours, « --raw » chaque valeur.
    }
log-kind = { $kind ->
        [device-added] appareil ajouté
        [device-removed] appareil retiré
        [export] export
        [import] import
        [record-created] carnet créé
        [recovered] kit de secours utilisé
        [relay-contradicted] relais contredit par un appareil
       *[other] { $kind }
    }
log-detail = { $name ->
        [alarm] contradiction : { $value }
        [added] ajoutées : { $value }
        [device] appareil : { $value }
        [format] format : { $value }
        [kit] kit de secours remplacé
       *[other] { $name } : { $value }
    }
sentences = { $all }
link-elsewhere = pas sur cet appareil
link-name = { $kind ->
        [allergy] allergie
        [derived-from] tiré de
        [disease] maladie
        [document] document
        [encounter] séjour ou visite
        [measure] mesure
        [because] parce que
        [folder] dossier
        [has-part] comprend
        [part-of] partie de
        [performer] fait par
        [replaces] remplace
        [treatment] traitement
       *[other] { $kind }
    } { $id } ({ $name })
log-strength = { $strength ->
        [declared] déclaré
        [proved] prouvé
       *[other] { $strength }
    }
column-answer = Réponse
column-choices = Réponses possibles
column-item = À écrire
column-question = Question
column-date = Date
column-kind = Genre
column-name = Nom
column-place = Lieu
column-value = Valeur
column-id = Identifiant
column-device = Appareil
column-section = Rubrique
column-comment = Commentaire
column-origin = Origine
column-removed = Retiré le
column-link = Lien
column-default = Par défaut
column-standing = État
column-relay = Relais
column-synced = Dernier échange
doctor-damage = { $damage ->
        [absent] absent
        [altered] altéré
        [unreadable] illisible
       *[other] { $damage }
    }
column-damage = Contenu
column-record = Carnet
column-kit = Kit vérifié
column-vault = Coffre
column-field = Champ
column-count = Nombre
column-reason = Raison
yes = oui
standing-member = membre
standing-removed = retiré
standing-turned-away = retiré, dit le relais
standing-waiting = en attente
device-kit = kit de secours
device-removed = retiré
device-this = cet appareil
device-live = actif
device-was-removed = « { $name } » est retiré. Les clés ont changé : il n'ouvrira rien de nouveau dès que les autres appareils l'auront appris. Ce qu'il avait déjà, il le garde.
no-records = Ce coffre ne contient pas encore de carnet : « carnet init » en crée un.
warning-removed = cet appareil a été retiré du carnet « { $name } » ; il garde ce qu'il a et ne reçoit plus rien.
warning-relay-contradicted = « { $name } » : le relais et l'appareil « { $device } » se contredisent : { $what }. L'un des deux dit ce qui n'est pas. Si cet appareil n'est plus dans vos mains, retirez-le (« carnet device remove ») et synchronisez : cela y met fin. Sinon, échangez sans relais entre vos appareils, puis demandez à qui tient le relais.
warning-turned-away = le relais de « { $name } » ne sert plus cet appareil : un autre appareil l'a sans doute retiré. Il garde ce qu'il a. Si ce n'était pas voulu, demandez une invitation à un autre appareil (« carnet pair invite »).
warning-silent = « { $name } » n'a rien échangé depuis { $days } jours : ce qui a été écrit ailleurs depuis n'est pas montré ici. Lancez « carnet sync ».
warning-removal-not-sent = « { $name } » est retiré ici, mais le relais ne le sait pas encore et le sert toujours. Lancez « carnet sync » dès que possible, avant une semaine.
warning-old-kit = le relais de « { $name } » ne connaît pas encore le nouveau kit : tant que « carnet sync » ne l'a pas joint, l'ancienne feuille y ouvre encore le carnet.
warning-waiting = cet appareil attend son admission dans le carnet « { $name } », ou sa première synchronisation.
warning-kit = le kit de secours de « { $name } » n'a pas été vérifié : « carnet recovery rehearse » le fait. Sans lui, si vous perdez vos appareils, personne ne pourra rouvrir ce carnet.
warning-kit-uncertain = le disque a lâché pendant que le nouveau kit de secours de « { $name } » entrait en vigueur. Gardez les deux feuilles : une fois le disque en ordre, « carnet recovery rehearse » dit laquelle ouvre le carnet.
warning-files-left-out = { $count ->
        [one] le contenu d'un document n'est pas sur cet appareil, donc pas dans l'export.
       *[other] le contenu de { $count } documents n'est pas sur cet appareil, donc pas dans l'export.
    } « carnet sync » va chercher ce qu'un autre appareil ou le relais a.
warning-archive-differs = l'archive a été changée depuis qu'elle a été écrite, ou abîmée : ce qu'elle contenait a été pris, mais comparez avec le carnet dont elle vient.
warning-no-kit = « { $name } » n'a pas de kit de secours. Si vous perdez vos appareils, personne ne pourra rouvrir ce carnet.
warning-said-absent = Le carnet dit aussi « { $statement } ». « carnet profile none GENRE --undo » retire cette déclaration.
warning-not-absent = Le carnet contient { $count ->
        [one] une entrée qui dit
       *[other] { $count } entrées qui disent
    } le contraire. « carnet profile none GENRE --undo » retire cette déclaration.
warning-clear-text = ce fichier est en clair : quiconque l'ouvre peut le lire.
warning-losses = ce fichier ne contient pas tout ; seul l'export « archive » rend un carnet identique.
warning-other-person = le fichier parle peut-être d'une autre personne ; il a été pris à votre demande.
warning-nobody-to-compare = ce carnet ne dit pas encore de qui il parle : la personne du fichier n'a pu être comparée à rien. « carnet profile add identity » dit de qui il parle.
warning-person-not-said = une partie de ce qui a été pris ne dit pas de qui elle parle : elle n'a pu être comparée à la personne de ce carnet.
record-made = Le carnet « { $name } » est créé ({ $id }). Personne, pas même le relais, ne peut réinitialiser votre accès.
locked = Le coffre est verrouillé.
was-locked = Le coffre était déjà verrouillé.
unlocking-ended = Le coffre n'est plus laissé ouvert pour un temps.
was-not-unlocked = Le coffre n'était pas laissé ouvert pour un temps.
unlocked = { $minutes ->
        [one] Le coffre reste ouvert une minute
       *[other] Le coffre reste ouvert { $minutes } minutes
    } pour les programmes de votre compte ; « carnet lock » le referme avant.
keyring-admitted = Le trousseau de votre compte ouvre désormais le coffre : sans phrase de passe tant que votre session est ouverte, et pour tout programme de votre compte. La phrase de passe l'ouvre toujours, ici et partout ailleurs. « carnet unlock --no-keystore » revient en arrière.
keyring-withdrawn = Le trousseau de votre compte n'ouvre plus le coffre : seule la phrase de passe l'ouvre.
keyring-was-withdrawn = Aucun trousseau n'ouvrait le coffre.
keyring-passed-over = Le trousseau de votre compte n'a pas ouvert le coffre : { $why }. La phrase de passe l'ouvre.
keyring-absent = aucun trousseau n'est en service pour votre compte
keyring-locked = il est verrouillé
keyring-no-entry = il n'a pas de clé pour ce coffre
keyring-other-key = la clé qu'il a n'est pas de ce coffre
keyring-silent = il n'a pas répondu à temps
keyring-refused = il a dit « { $reason } »
warning-keyring-opens = le trousseau de votre compte ouvre encore le coffre tant que votre session est ouverte, sans phrase de passe. « carnet unlock --no-keystore » y met fin.
warning-keyring-may-open = le trousseau de votre compte n'ouvre pas le coffre en ce moment ({ $why }) ; il pourrait l'ouvrir de nouveau plus tard. « carnet unlock --no-keystore » y met fin.
warning-keyring-not-carried-over = seule la phrase de passe ouvre maintenant le coffre : le trousseau qui pouvait l'ouvrir ne le peut plus. « carnet unlock --keystore » le permet de nouveau à celui de votre compte.
warning-keyring-key-stays = une clé est peut-être restée dans le trousseau de votre compte ({ $why }). Elle n'ouvre plus rien.
column-opens-with = S'ouvre avec
opens-with-passphrase = la phrase de passe
opens-with-unlocking = sans phrase de passe jusqu'au terme prévu (« carnet lock » y met fin)
opens-with-keyring = le trousseau de votre compte, tant que votre session est ouverte
opens-with-keyring-not-now = le trousseau d'un compte, mais pas en ce moment : { $why }
doctor-lock = Serrure
lock-passphrase = phrase de passe
lock-unlocking = clé d'une ouverture pour un temps, peut-être écoulé
lock-keyring = trousseau d'un compte
passphrase-changed = La phrase de passe est changée et tout le coffre a une nouvelle clé : l'ancienne phrase n'ouvre plus rien, même avec une copie du début du fichier.
passphrase-changed-habit = La phrase de passe est changée. Une ancienne copie du coffre s'ouvre encore avec l'ancienne.
doctor-version = Version
doctor-bytes = Taille du coffre (octets)
doctor-records = Carnets
doctor-to-send = En attente d'envoi
doctor-waiting = En attente d'une pièce manquante
doctor-quarantined = En quarantaine
doctor-missing-files = Documents pas encore sur cet appareil
doctor-swept-files = Fichiers orphelins retirés
doctor-whole = Le coffre entier a été relu : tout est intact.
doctor-shallow = Le coffre s'ouvre et se lit. « carnet doctor --deep » le relit en entier.
doctor-damaged = Le coffre a été relu en entier : une partie est endommagée.
doctor-summaries-damaged = { $count ->
        [one] Un résumé scellé de l'historique est perdu ou altéré. Les entrées sont toutes là ; « carnet sync » le redemande.
       *[other] { $count } résumés scellés de l'historique sont perdus ou altérés. Les entrées sont toutes là ; « carnet sync » les redemande.
    }
doctor-files-damaged = Tout le coffre a été relu. Il est intact, sauf des fichiers joints :
document-saved = Le contenu est dans { $path }.
stage-import = Import
import-file = { $path } ({ $format })
import-read = Lignes lues
import-added = Ajoutées
import-already-there = Déjà là
import-merged = Réunies
import-set-aside = Laissées de côté
import-refused = Refusées
import-why-kept = { $count ->
        [one] { $count } ligne gardée avec une remarque
       *[other] { $count } lignes gardées avec une remarque
    }, { $kind } : { $why }
import-why-refused = { $count ->
        [one] { $count } ligne refusée
       *[other] { $count } lignes refusées
    }, { $kind } : { $why }
import-why-set-aside = { $count ->
        [one] { $count } ligne laissée de côté
       *[other] { $count } lignes laissées de côté
    }, { $kind } : { $why }
import-why-at = { $said } [{ $places }]
import-reason = { $reason ->
        [a-goal-not-a-measure] c'est un objectif, pas une mesure
        [about-a-relative] concerne un proche, pas cette personne
        [after-the-export] daté d'après l'export
        [answer-unknown] la réponse n'est pas de celles du formulaire
        [archive-inside-an-archive] une archive dans l'archive n'est pas lue
        [attribute-unreadable] un attribut est illisible
        [base64-damaged] le contenu joint est abîmé
        [billing] facturation, sans contenu médical
        [cda-set-aside] document CDA d'un autre contenu
        [changed-since-read] modifié depuis sa lecture
        [character-refused] contient un retour à la ligne ou un autre caractère de contrôle
        [clinical-resource-missing] l'export annonce un fichier médical qu'il n'a pas
        [code-in-words] le code n'est donné qu'en mots
        [code-too-long] code trop long
        [component-missing] il manque une partie de la mesure
        [computed] une valeur calculée ne se saisit pas
        [content-missing] le contenu du document n'est pas dans le fichier
        [cut-off] le fichier s'arrête trop tôt
        [daily-totals-repeat-the-samples] ces totaux répètent les relevés
        [detail-of-a-row] détail d'une ligne déjà lue
        [details-stay-in-the-document] le détail reste dans le document
        [device] décrit un appareil
        [diastolic-not-below-systolic] la diastolique n'est pas sous la systolique
        [digits-dropped] des décimales de trop ont été laissées
        [document-type-or-entity] contient des définitions XML refusées
        [document-type-stepped-over] l'entête décrit mal le fichier ; elle n'a pas été suivie
        [empty-export] l'export est vide
        [end-before-start] la fin précède le début
        [entered-in-error] la source dit que c'était une erreur
        [fhir-dstu2-kept-as-a-document] ancienne version de FHIR : gardé comme document
        [fhir-version-dstu2] ancienne version de FHIR (DSTU2)
        [fhir-version-r5] version de FHIR plus récente (R5)
        [fhir-version-stu3] ancienne version de FHIR (STU3)
        [file-not-in-the-export] l'export n'a pas ce fichier
        [file-of-the-system] fichier du système, sans contenu
        [finess-key-wrong] la clé du numéro FINESS ne correspond pas
        [forbidden-characters-dropped] des caractères interdits ont été retirés
        [goal] c'est un objectif
        [gpx-set-aside] trajets : voir --with-positions
        [grouping-of-rows-that-are-kept] regroupe des lignes gardées une à une
        [implicit-rules] suit des règles que Carnet ne connaît pas
        [in-the-future] daté dans l'avenir
        [index-of-the-archive] sommaire de l'archive
        [ins-key-wrong] la clé du matricule INS ne correspond pas
        [insurance] assurance, sans contenu médical
        [intimate] sujet intime : à partager avec soin
        [json-not-accepted] JSON illisible
        [key-doubled] la même clé deux fois
        [left-over-too-large] ce que Carnet ne comprend pas est trop grand pour être gardé à côté
        [markup] contient du code de page web
        [member-not-in-file] renvoie à un élément absent du fichier
        [missing] un champ nécessaire manque
        [modifier-not-known] une extension en change le sens ; Carnet ne la connaît pas
        [more-pressures-than-are-joined] trop de tensions à réunir
        [more-sources-than-listed] trop de sources pour toutes les citer
        [more-types-than-are-kept] trop de genres de mesures
        [name-changed] le nom a été changé
        [no-date] sans date
        [no-person] ne dit pas de qui il parle
        [no-resource-in-entry] entrée vide
        [no-type] sans genre
        [no-value] sans valeur
        [not-a-number] pas un nombre
        [not-a-time] pas une date
        [not-asked] répond à une question qui ne se pose pas
        [not-part-of-the-export] ne fait pas partie de l'export
        [not-read] pas encore lu par Carnet
        [not-the-declared-type] le fichier n'est pas du type annoncé
        [not-whole] doit être un nombre entier
        [other-person] concerne quelqu'un d'autre
        [out-of-bounds] hors des valeurs possibles
        [part-of-the-document] reste dans le document
        [planned] prévu, pas encore fait
        [positions-not-asked-for] positions : voir --with-positions
        [postal-code] un code postal français a cinq chiffres
        [pressure-without-value-or-date] tension sans valeur ou sans date
        [remark-on-another-statement] remarque sur une autre ligne
        [rpps-key-wrong] la clé du numéro RPPS ne correspond pas
        [said-in-words] dit en mots : reste dans le document
        [says-less-than-the-main-file] en dit moins que le fichier principal
        [second-main-file] un second fichier principal
        [several-persons] parle de plusieurs personnes
        [size-differs] la taille annoncée est fausse
        [statistics-win-over-attributes] deux chiffres diffèrent ; celui du détail est gardé
        [stylesheet-not-run] la feuille de style du document n'est jamais exécutée
        [text-cut] texte trop long, coupé
        [time-in-words] la date n'est donnée qu'en mots
        [time-not-read] date illisible
        [too-large] trop grand
        [too-long] trop long
        [too-many-attachments] trop de pièces jointes
        [unit-unknown] unité inconnue pour cette mesure
        [unknown-code] code inconnu
        [unknown-zone] fuseau horaire inconnu
        [wishes-stay-in-the-document] volontés : elles restent dans le document
        [without-a-name] sans nom
        [without-a-substance] sans substance
        [without-a-value] sans valeur
        [without-an-identifier] sans identifiant
        [xml-not-accepted] XML illisible
       *[other] { $reason }
    }
import-digest = { $state ->
        [same] L'archive contient exactement ce qu'elle dit avoir contenu quand elle a été écrite.
        [differs] L'archive ne contient pas ce qu'elle dit avoir contenu quand elle a été écrite.
       *[none] L'archive est d'une partie et n'indique aucune empreinte : rien n'a pu être comparé.
    }
import-dry = Essai à blanc : rien n'a été enregistré.
ask-export = L'export est en clair : quiconque ouvre le fichier peut tout lire. Continuer ?
exported = { $path } contient { $entries } entrées, { $files } fichiers et { $samples } relevés.
export-left-out = Hors de ce format : { $removed } entrées retirées, { $lines } lignes du journal d'accès, et les états antérieurs des entrées. L'archive contient les deux premiers.
export-losses = Ce qui n'y est pas :
loss-reason = { $reason ->
        [absence-meaning] FHIR ne fait pas cette nuance
        [calendar-only] utile aux calendriers seuls
        [category-from-type] retrouvée d'après le type
        [changed-since-read] modifié depuis sa lecture
        [code-not-allowed] FHIR n'admet pas ce code ici
        [dense-samples] relevés denses : dans l'archive seule
        [dose-number-missing] il manque le numéro de la dose
        [end-beside] FHIR ne l'admet pas à côté d'une fin
        [file-not-given] contenu absent de cet appareil
        [later-version] inconnu de cette version
        [link-left-out] pas de place pour ce lien
        [name-in-place] le nom en tient lieu
        [national-only] code propre à Mon espace santé
        [no-note] FHIR n'y prévoit pas de note
        [no-place] FHIR R4 n'a pas de place pour cela
        [no-place-in-resource] FHIR R4 n'a pas de place pour cela ici
        [no-resource] FHIR R4 n'a pas de place pour cette entrée
        [not-as-it-was] revient autrement qu'il n'était
        [other-sheet] la dernière fiche d'identité vous représente
        [other-source] mot pour mot d'une source d'un autre genre
        [server-only] dit par le service d'origine
        [text-in-file] ces mots sont dans le fichier joint
        [time-of-actor] FHIR ne dit pas quand chacun a agi
        [vault-only] gardé dans le coffre seul
        [words-beside-date] la date tient lieu de ces mots
       *[other] { $reason }
    }
stage-export = Export
column-strength = Force
column-number = N°
log-holds = Le journal tient : { $count } lignes vérifiées.
log-breaks = Le journal ne tient pas : appareil { $device }, ligne { $number }.
ask-kit-words = Tapez les 24 mots de la feuille, séparés par des espaces :
ask-old-kit-words = Tapez les 24 mots de la feuille actuelle, séparés par des espaces :
ask-new-kit = Faire un nouveau kit de secours pour « { $name } » ? La feuille actuelle n'ouvrira plus rien une fois qu'il est fait.
ask-restore = Restaurer « { $name } » ici ? Tous ses autres appareils y perdent leur place.
ask-restore-without = Restaurer « { $name } » ici ? Ces appareils y perdent leur place : { $devices }. Les autres gardent la leur.
ask-restore-beside = Restaurer « { $name } » ici ? Ses autres appareils y gardent leur place.
record-restored = Le carnet est revenu, sous le nom « { $name } ». Ses autres appareils n'y ont plus de place.
record-restored-beside = Le carnet est revenu, sous le nom « { $name } ». « carnet device list » montre quels autres appareils y ont leur place.
kit-replaced = « { $name } » a un nouveau kit de secours. Rangez sa feuille et détruisez l'ancienne : elle n'ouvre plus rien.
exchange-written = Fichier d'échange écrit : { $path }. Seuls les appareils du carnet peuvent le lire.
kit-opens = Le kit de secours ouvre bien le carnet « { $name } ». Rangez la feuille.
compare-code = Code affiché ici : { $digits }. S'il est identique sur l'autre appareil, tapez « identique » :
ask-ticket = Collez l'invitation :
ask-ticket-code = Tapez le code de l'invitation :
ask-trust-again = Reprendre les échanges de « { $name } » avec ce relais, comme s'il était nouveau ? Faites-le si vous savez pourquoi il a changé.
ticket-written = L'invitation est dans { $path }. Quiconque la lit peut se présenter à votre place : remettez-la en mains propres.
ticket-code = Code à dicter
ticket-expires = L'invitation est valable jusqu'au { $expires }. En attente de l'autre appareil…
device-asks = L'appareil « { $name } » se présente.
device-admitted = L'appareil « { $name } » fait maintenant partie du carnet.
join-waits = En attente de la réponse sur l'autre appareil, pendant { $minutes } minutes au plus…
joined = Le carnet « { $name } » est sur cet appareil.
record-digest = Empreinte du contenu
sync-listening = Les autres appareils du carnet joignent celui-ci par : carnet sync --peer { $address }
sync-connected = Relié au relais : ce qui est écrit sur les autres appareils arrive de lui-même. Ctrl-C pour finir.
sync-reconnecting = Le relais ne répond pas. Il est rappelé sans cesse ; les autres appareils joignent toujours celui-ci. Ctrl-C pour finir.
sync-listens = À l'écoute du réseau local, pendant { $seconds } secondes au plus…
sync-goes-on = Les échanges continuent, avec le relais et avec les autres appareils. Ctrl-C pour finir.
sync-without-relay = Le relais n'est plus appelé tant que cette commande n'est pas relancée ; les autres appareils joignent toujours celui-ci. Ctrl-C pour finir.
sync-without-device = Cet appareil n'est plus appelé tant que cette commande n'est pas relancée ; le reste continue. Ctrl-C pour finir.
sync-local-unavailable = Le réseau local est inutilisable pour le moment ; un nouvel essai a lieu toutes les deux secondes. Le reste continue.
sync-came = Écritures reçues : { $count }.
sync-served = Échanges avec d'autres appareils
network-waiting = Pas encore de réponse ; l'appel continue…
sync-quiet = Tout était à jour.
sync-received = Écritures reçues
sync-sent = Écritures envoyées
sync-operations = Décisions d'accès reçues
sync-objects-received = Fichiers scellés reçus
sync-objects-sent = Fichiers scellés envoyés
sync-bytes-received = Octets reçus
sync-bytes-sent = Octets envoyés
sync-new-incarnation = Ce coffre est une copie d'un autre qui a continué sans lui : il écrit désormais sous un nouveau nom.
sync-relay-restored = Le relais a recommencé, depuis une sauvegarde ou vide : tout lui est proposé de nouveau.
stage-send = Envoi
stage-receive = Réception
warning-held-up = Le relais ne prend pas un retrait, ou la preuve qu'un appareil a été copié, signé ici : il cacherait ce qui s'y trouvait depuis plus de 7 jours, et cet appareil ne peut pas dire que cela reste. Qui n'a que le relais n'en sait rien, et rien de ce qui a été écrit ici depuis n'atteint le relais. Si un appareil est perdu ou volé, retirez-le maintenant depuis un autre appareil de la personne à qui est le carnet.
warning-adopted = Un retrait est parvenu tard au relais. Ce que l'appareil retiré avait écrit jusque-là reste dans le carnet : relisez-le.
warning-not-taken = { $count } écritures n'ont pas encore été prises par le relais ; elles restent à envoyer.
warning-quarantined = { $count } écritures reçues sont mises à part et ne changent rien au carnet.
warning-envelopes-waiting = { $count } écritures reçues attendent ce qui leur manque.
warning-objects-missing = { $count } fichiers manquent au relais ; ils viendront quand un appareil qui les a les enverra.
warning-snapshot-rejected = { $count } résumés publiés par un appareil de ce carnet ne concordent pas avec ce qu'il avait signé : rien n'en a été pris. Voyez « carnet device list ».
warning-still-unlocked = la réserve de clés du système garde la clé de « unlock --for » et a refusé de la rendre : { $reason }. Elle ouvre encore le coffre jusqu'à la fin du temps donné. Essayez « carnet lock ».
warning-no-relay = ce carnet n'a pas de relais : rien n'a été échangé. « sync --relay » lui en donne un.
alarm-behind = il ne montre pas ce qu'un autre appareil y a vu
alarm-checkpoint = son point de contrôle contredit ce qu'il envoie
alarm-fork = il montre une autre histoire qu'avant
alarm-receipt = un reçu manque, ou n'est pas de lui
alarm-rollback = il montre un état antérieur
alarm-split = un autre appareil y a vu une autre histoire
alarm-withheld = il retient quelque chose, ou l'a changé
demo-folder = Dossier de la démonstration
demo-phrase = Phrase de passe des deux coffres
demo-scene-relay = 1. Un relais démarre, dans un processus à part.
demo-scene-vault = 2. Un coffre et un carnet, sur le premier appareil.
demo-scene-import = 3. Les exemples y entrent : ils parlent d'une personne inventée.
demo-scene-pair = 4. Un second appareil rejoint le carnet ; les deux montrent le même code.
demo-scene-sync = 5. Chacun écrit de son côté, puis ils échangent par le relais.
demo-scene-compare = 6. Les deux appareils ont-ils le même contenu ?
demo-scene-second = 7. La même chose pour une seconde personne, dans les mêmes coffres : un carnet à part, depuis un fichier FHIR en anglais.
demo-code-first = Code du premier appareil
demo-code-second = Code du second appareil
demo-digest-first = Empreinte sur le premier appareil
demo-digest-second = Empreinte sur le second appareil
demo-relay-holds = 8. Tout ce que le relais voit :
demo-search = 9. Textes connus, cherchés dans les exemples et dans tous les fichiers du relais :
demo-audit-file = Chaque nombre qu'il pourrait donner est dans { $path }. Noms, dates de naissance, contenus : il n'a rien de tel.
demo-column-file = Fichier
demo-column-record = Carnet
demo-column-sections = Rubriques
demo-column-envelopes = Enveloppes
demo-column-files = Fichiers scellés
demo-column-bytes = Octets
demo-column-text = Texte
demo-column-relay = Au relais
demo-column-samples = Dans les exemples
demo-done = Deux carnets, le même contenu des deux côtés, rien de lisible au relais, en { $seconds } s.
demo-next = Pour continuer dans ce dossier :

## Aide

help-usage = Utilisation :
# The colon that follows these headings is not part of them; French has a space before it.
help-commands = Commandes{ " " }
help-arguments = Arguments{ " " }
help-options = Options{ " " }
help-options-of-all = Options de toutes les commandes{ " " }
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

## Commandes et options

command-init = Crée le coffre s'il n'y en a pas, puis un carnet, et remet son kit de secours.
command-unlock = Laisse le coffre ouvert un moment, permet au trousseau de votre compte de l'ouvrir, ou change sa phrase de passe.
command-lock = Referme le coffre laissé ouvert.
command-status = Les carnets, ce que cet appareil y est, et ce qui reste à faire.
command-doctor = Dit si le coffre est intact et ce qui attend.
command-record = Les carnets de ce coffre.
command-record-list = Liste les carnets.
command-record-show = Montre un carnet.
command-record-rename = Change le nom d'un carnet, sur cet appareil.
command-record-default = Désigne le carnet visé par défaut.
command-profile = Le profil médical : identité, maladies, handicaps, antécédents familiaux, habitudes de vie, traitements, séjours, groupe sanguin, allergies, vaccins, directives anticipées, don d'organes.
command-profile-add = Ajoute une entrée.
command-profile-list = Liste les entrées.
command-profile-form = Montre les questions d'un formulaire, ce qui peut y être répondu et ce qui l'a été.
command-profile-show = Montre une entrée.
command-profile-edit = Corrige une entrée ; l'état d'avant reste dans l'historique.
command-profile-remove = Retire des entrées.
command-profile-none = Déclare, avec la date, n'être pas concerné.
command-measure = Les mesures : poids, tension, glycémie et les autres.
command-measure-add = Ajoute une mesure.
command-measure-list = Liste les mesures.
command-measure-show = Montre une mesure.
command-measure-edit = Corrige une mesure.
command-measure-remove = Retire des mesures.
command-measure-target = Montre, fixe ou retire la cible d'une mesure : ce que vous voulez qu'elle soit.
command-document = Les documents, gardés chiffrés à côté du coffre.
command-document-add = Ajoute des documents.
command-document-list = Liste les documents.
command-document-show = Montre un document, ou en donne le contenu.
command-document-edit = Corrige ce qui est dit d'un document.
command-document-remove = Retire des documents.
command-agenda = Les rendez-vous, les rappels et la prévention.
command-agenda-add = Ajoute un rendez-vous, un rappel ou un examen.
command-agenda-due = Examens, dépistages et vaccins recommandés par des règles publiées, avec la règle de chacun.
command-agenda-list = Liste les rendez-vous, les rappels et les examens.
command-agenda-next = Ce qui vient : les rendez-vous et chaque rappel, à partir d'aujourd'hui.
command-agenda-show = Montre un rendez-vous, un rappel ou un examen.
command-agenda-edit = Corrige un rendez-vous, un rappel ou un examen.
command-agenda-remove = Retire des rendez-vous, des rappels ou des examens.
command-agenda-rules = Les règles publiées que suit « agenda due », et d'autres, signées, à leur place.
command-contact = Proches, professionnels, établissements.
command-contact-add = Ajoute un contact.
command-contact-list = Liste les contacts.
command-contact-show = Montre un contact.
command-contact-edit = Corrige un contact.
command-contact-remove = Retire des contacts.
command-timeline = Tout ce que contient le carnet, dans l'ordre du temps.
command-import = Prend des fichiers venus d'ailleurs, et dit ce qu'est devenue chaque ligne.
command-device = Les appareils d'un carnet.
command-device-list = Liste les appareils.
command-device-remove = Retire un appareil et change les clés.
command-intake-worker = Le lecteur de fichiers ; lancé par l'import.
option-id = Identifiant, ou ses premiers caractères (six au moins).
option-history = Montre aussi les états d'avant.
option-restore = Fait revenir une entrée retirée.
option-comment = Note libre.
option-link = Relie à une autre entrée.
option-from-json = Lit une entrée ou une liste d'entrées dans un fichier JSON (« - » : entrée standard).
option-from = À partir de cette date.
option-to = Jusqu'à cette date comprise.
option-limit = Les N dernières seulement.
option-sort = Ordre de la liste.
option-all = Avec les entrées retirées.
option-name = Nom.
option-start = Début ; la date peut être partielle.
option-end = Fin ; vide pour l'enlever.
option-at = Date ou instant.
option-dosage = Posologie.
option-reason = Raison.
option-profile-add-duration = Durée du séjour : 3j, 2s, 1m.
option-profile-edit-duration = Durée du séjour : 3j, 2s, 1m.
option-group = Groupe sanguin, par exemple A+.
option-type = Place dans la série d'une vaccination (booster, first, unknown), ou ce que touche un handicap ; plusieurs valeurs séparées par des virgules.
option-rate = Taux reconnu d'un handicap.
option-human-help = Si quelqu'un aide la personne.
option-technical-help = Aide technique : fauteuil, prothèse auditive…
option-profile-add-relation = De qui, dans la famille.
option-profile-edit-relation = De qui, dans la famille.
option-item = Réponse à une question d'un formulaire, par exemple fruit=everyday ; « profile form » montre les questions et les réponses possibles. Vide, la réponse est ôtée.
option-lot = Numéro de lot.
option-cip = Code CIP de la boîte, 7 ou 13 chiffres.
option-code = Code dans une nomenclature, par exemple cim10|E11.9.
option-severity = Gravité, en mots.
option-criticality = Danger possible d'une allergie.
option-family = Nom de famille.
option-given = Prénom ; à répéter pour plusieurs.
option-birth = Date de naissance.
option-sex = Sexe administratif.
option-ins = Numéro INS, gardé comme déclaré.
option-birth-place = Lieu de naissance.
option-profile-add-kind = Genre d'entrée.
option-profile-list-kind = Genre d'entrée.
option-profile-form-kind = Quel formulaire.
option-profile-none-kind = Ce dont vous n'êtes pas concerné.
option-undo = Reprend la déclaration.
option-measure-add-kind = Genre de mesure : weight, height, blood-pressure, glucose…
option-measure-list-kind = Genre de mesure.
option-measure-target-kind = Genre de mesure, ou l'une de ses parties : hba1c, weight, systolic…
option-low = Le plus bas que la mesure doit être ; vide pour n'en fixer aucun.
option-high = Le plus haut que la mesure doit être ; vide pour n'en fixer aucun.
option-measure-target-remove = Retire la cible.
option-value = Valeur, avec une virgule ou un point ; tension : 120/80.
option-unit = Unité, si ce n'est pas celle du genre.
option-moment = Moment de la glycémie : fasting, before-meal, after-meal…
option-days = Nombre de jours que la valeur résume.
option-raw = Un relevé par ligne, tel que reçu.
option-daily = Une ligne par jour.
option-sources = Les sources, et combien de relevés chacune.
option-format = Forme de la liste.
option-title = Titre.
option-date = Date du document.
option-category = Catégorie : BIOLOGIE, CPT_REND, ORD_SOIN…
option-confidentiality = Pour qui le document est masqué.
option-folder = Classeur.
option-tag = Étiquette ; à répéter pour plusieurs.
option-dispute = Contestation du contenu, en mots.
option-pin = Garde en tête de liste.
option-timeline-text = Entrées qui disent tous ces mots, sans tenir compte des accents ; le contenu des fichiers n'est pas lu.
option-timeline-kind = Genres, séparés par des virgules, tels que --json les nomme.
option-timeline-source = Provenance : fichier, application, auteur, ou une partie de son nom.
option-document-list-text = Documents dont la fiche dit tous ces mots, sans tenir compte des accents ; le contenu des fichiers n'est pas lu.
option-pinned = Seulement ceux gardés en tête.
option-document-add-file = Fichiers : PDF, image, texte.
option-document-show-out = Écrit le contenu, en clair, dans un nouveau fichier.
option-with = Avec qui.
option-place = Lieu.
option-agenda-next-days = Nombre de jours, aujourd'hui compris.
option-repeat = Revient tous les 1j (jours), 2s (semaines), 3m (mois) ou 1a (an) ; vide pour une seule fois.
option-until = Dernier jour où il revient ; vide pour l'enlever.
option-time = Heure de la journée, 08:00 ; à répéter pour plusieurs heures ; vide pour les enlever.
option-status = État du rendez-vous ou de l'examen.
option-agenda-due-code = Une règle ou une recommandation, pour ses détails et ses sources.
option-agenda-due-all = Montre aussi ce qui est fait, ce qui est passé et ce qui est loin.
option-agenda-due-mark = Note où cela en est : fait, pas fait, à programmer.
option-agenda-due-at = Le jour où cela a été fait ou le sera. Sans lui, fait veut dire aujourd'hui.
option-agenda-due-on = Le jour pour lequel répondre, au lieu d'aujourd'hui.
option-agenda-rules-from = Fichier de règles signé à suivre à la place.
option-agenda-rules-bundled = Revient aux règles fournies avec Carnet.
option-agenda-add-kind = Genre d'entrée.
option-contact-add-kind = Genre de contact.
option-types = Ce que ce proche est pour vous ; plusieurs valeurs séparées par des virgules.
option-relation = Lien de parenté, en mots.
option-phone = Téléphone.
option-prefix = Civilité.
option-mobile = Téléphone mobile.
option-street = Numéro et voie.
option-postal-code = Code postal.
option-city = Ville.
option-country = Pays.
option-email = Adresse électronique.
option-rpps = Numéro RPPS.
option-finess = Numéro FINESS.
option-role = Rôle, par exemple médecin traitant.
option-profession = Profession.
option-init-name = Nom du carnet, par exemple le prénom de la personne.
option-relay = Adresse du relais.
option-no-relay = Sans relais, même si les réglages en nomment un.
option-init-device = Nom de cet appareil dans la liste des appareils.
option-kit-out = Écrit le kit de secours dans ce nouveau PDF : imprimez-le, puis effacez-le.
option-no-kit = Sans kit de secours : un carnet perdu le sera pour toujours.
option-unlock-duration = Laisse le coffre ouvert pendant cette durée : 15m, 8h, 2d ; sept jours au plus. Tout programme de votre compte peut alors l'ouvrir.
option-init-keystore = Permet aussi au trousseau de votre compte d'ouvrir le coffre, sans phrase de passe tant que votre session est ouverte.
option-unlock-keystore = Permet aussi au trousseau de votre compte d'ouvrir le coffre, sans phrase de passe tant que votre session est ouverte. Tout programme de votre compte peut alors l'ouvrir.
option-no-keystore = Plus aucun trousseau n'ouvre le coffre : seule la phrase de passe l'ouvre.
option-new-passphrase = Change la phrase de passe, demandée au terminal.
option-new-passphrase-file = Change la phrase de passe : première ligne de ce fichier.
option-unlock-reason = « known » si quelqu'un a pu connaître l'ancienne : tout le coffre change de clé.
option-deep = Relit le coffre en entier.
option-bundle = Écrit un bilan sans données personnelles dans ce nouveau fichier.
option-record-rename-name = Nouveau nom.
option-device-remove-reason = Pourquoi l'appareil est retiré.
option-import-source = D'où viennent les entrées et les documents, par exemple un laboratoire, quand le fichier ne le dit pas.
option-import-kind = Genre attendu des fichiers ; un fichier d'un autre genre est refusé.
option-import-file = Fichiers ou dossiers.
option-zone = Fuseau des heures sans fuseau, par exemple Europe/Paris.
option-with-positions = Prend aussi les positions géographiques.
option-dry-run = Lit sans rien enregistrer.
option-report = Écrit le bilan complet, avec les valeurs refusées, dans ce nouveau fichier.
option-accept-other-person = Prend le fichier même s'il semble parler d'une autre personne.
command-export = Donne tout, ou une partie, en clair, dans un nouveau fichier.
option-out = Nouveau fichier.
option-export-format = « archive » : tout, relisible par Carnet ; « fhir » : un Bundle FHIR R4, pour d'autres programmes.
option-section = Rubriques, séparées par des virgules ; « all » pour toutes.
command-log = Le journal d'accès.
command-log-list = Liste les lignes du journal.
command-log-verify = Vérifie les chaînes du journal, ou d'un journal exporté.
option-actor = Appareil, par les premiers caractères de son identifiant.
option-log-list-kind = Ce que dit la ligne : import, export, device-added…
option-strength = Ce que la ligne prouve à elle seule.
option-log-verify-file = Journal exporté avec « log list --out ».
command-recovery = Le kit de secours.
command-recovery-kit = Fait un nouveau kit de secours à la place de l'actuel, dont les 24 mots sont demandés.
option-recovery-kit-out = Écrit le nouveau kit dans ce nouveau PDF : imprimez-le, puis effacez-le.
command-recovery-rehearse = Vérifie que les 24 mots ouvrent le carnet, sans rien y changer.
command-recovery-restore = Fait revenir un carnet sur cet appareil, avec les 24 mots et son relais ou un fichier d'échange.
option-recovery-restore-id = Carnet, tel que la feuille du kit le donne.
option-recovery-restore-relay = Relais du carnet, tel que la feuille du kit le donne.
option-recovery-restore-from = Fichier d'échange écrit par un autre appareil (« sync --file »).
option-recovery-restore-name = Nom du carnet sur cet appareil.
option-recovery-restore-label = Nom de cet appareil.
option-remove-devices = Quels appareils perdent leur place : « all » (si rien n'est dit), « none », ou des noms et identifiants.
option-sync-file = Échange par fichier : reprend FILE s'il existe, sinon l'écrit pour les autres appareils.
option-words-fd = Mots : première ligne lue sur ce descripteur ouvert.
command-pair = Ajoute un appareil à un carnet, avec un code à comparer des deux côtés.
command-pair-invite = Invite un appareil, et attend qu'il se présente.
command-pair-join = Rejoint un carnet auquel cet appareil est invité.
command-sync = Échange les nouveautés du carnet avec son relais, ou avec un autre appareil.
command-demo = Joue l'essentiel sur deux personnes inventées : import, second appareil, échange, et ce que le relais en voit.
command-demo-relay = Le relais de la démonstration.
command-demo-relay-serve = Sert jusqu'à la fin de l'entrée standard.
command-demo-relay-audit = Dit tout ce que voit qui a le disque du relais.
option-ticket-out = Écrit l'invitation dans ce nouveau fichier, lisible par votre compte seul.
option-pair-invite-code = Invite par un code à dicter au lieu d'un QR code.
option-letter = L'invitation est valable 48 heures au lieu de 15 minutes.
option-ticket = Fichier de l'invitation ; « - » pour l'entrée standard.
option-pair-join-relay = Relais de l'autre appareil ; le code de l'invitation est demandé.
option-pair-join-label = Nom de cet appareil, montré à l'autre.
option-pair-join-name = Nom du carnet sur cet appareil.
option-once = Un seul échange ; c'est le cas par défaut.
option-sync-local = Trouve les autres appareils du carnet sur le réseau local, là où l'un d'eux exécute « sync --watch --local » ; avec --watch, les appelle aussi. Les autres n'y apprennent aucun nom, seulement que Carnet tourne ici.
option-sync-peer = Échange directement avec cet appareil, sans relais : l'adresse que « sync --watch » y montre.
option-sync-relay = Donne ce relais au carnet, pour tous ses appareils, s'il n'en a pas.
option-sync-watch = Reste en liaison, et répond aux autres appareils du carnet, jusqu'à Ctrl-C.
option-trust-again = Reprend les échanges après une alerte, comme avec un nouveau relais.
option-demo-dir = Dossier, nouveau ou vide ; par défaut carnet-demo dans le dossier courant.
option-data = Dossier du relais.

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
usage-export-file = « --out » demande le nom d'un nouveau fichier : un export ne va pas à l'écran.
usage-read-only = Ce rendez-vous vient d'un autre éditeur : il ne se modifie pas ici.
usage-other = La ligne de commande n'est pas comprise.

## Règles du carnet

rule-answer = { $field } : cette réponse n'est pas prévue.
rule-answer-bounds = { $field } : un nombre entier de { $low } à { $high }.
rule-before-birth = La date est antérieure à la naissance.
rule-adult = Les directives anticipées s'écrivent à partir de 18 ans, et la fiche d'identité dit une personne plus jeune.
rule-character = { $field } : un retour à la ligne ou un autre caractère de contrôle n'y a pas sa place.
rule-component = { $kind } : il manque { $component }.
rule-computed = { $kind } : cela se calcule et ne se saisit pas.
rule-days-forbidden = { $kind } : un nombre de jours (--days) n'a pas de sens ici.
rule-days-missing = { $kind } : dites sur combien de jours (--days).
rule-days-zero = La durée doit être supérieure à zéro.
rule-diastolic = La pression systolique doit être supérieure à la diastolique.
rule-end-before-start = La fin précède le début.
rule-markup = { $field } : du balisage n'y a pas sa place.
rule-one-trusted = Il y a déjà une personne de confiance, et il ne peut y en avoir qu'une : retirez d'abord ce rôle à l'autre contact (par exemple contact edit ID --types emergency).
rule-missing = Il manque : { $field }.
rule-moment-forbidden = { $kind } : un moment (--moment) n'a pas de sens ici.
rule-moment-missing = { $kind } : dites à quel moment (--moment fasting, after-meal…).
rule-not-asked = { $field } : cela ne se demande que si la réponse à « { $other } » est « { $answer } ».
rule-one-form = { $kind } : le carnet a déjà une telle entrée, et n'en a qu'une. « profile edit » la change.
rule-not-whole = { $kind } : un nombre entier.
rule-bounds = { $kind } : entre { $low } et { $high }.
rule-postal-code = Un code postal français a cinq chiffres ; pour un autre pays, donnez --country.
rule-too-long = { $field } : plus de { $max } caractères.
rule-too-many = { $field } : pas plus de { $max }.
rule-unit = { $kind } : cette unité ne convient pas ; donnez la valeur en { $unit }, ou dans une unité qui s'y convertit (--unit).
rule-value-forbidden = { $kind } : cette mesure n'a pas de valeur propre, seulement celles de ses parties.
rule-other = Une règle du carnet n'est pas respectée ({ $rule }).
field-name = { $field ->
        [at] la date
        [city] la ville
        [comment] le commentaire
        [country] le pays
        [day] le jour (--at)
        [dosage] la posologie
        [duration] la durée
        [group] le groupe
        [human-help] l'aide humaine (--human-help)
        [item] une réponse (--item)
        [lot] le lot
        [measure] le genre de mesure
        [name] le nom
        [names] le nom
        [period] la répétition (--repeat)
        [postal-code] le code postal
        [range] une limite (--low, --high)
        [relative] le parent concerné (--relation)
        [start] le début
        [street] l'adresse
        [technical-help] l'aide technique
        [times] les heures (--time)
        [title] le titre
        [types] ce que touche le handicap (--type)
        [value] la valeur
       *[other] { $field }
    }
remark-finess-key = La clé du numéro FINESS est fausse. Le numéro est gardé tel quel.
remark-ins-key = La clé du numéro INS est fausse. Le numéro est gardé tel quel.
remark-rpps-key = La clé du numéro RPPS est fausse. Le numéro est gardé tel quel.

## Le kit de secours, imprimé dans les deux langues

kit-title = Kit de secours
kit-what = Ces 24 mots ouvrent le carnet quand tous les appareils sont perdus. Quiconque lit cette feuille peut tout lire : gardez-la comme un testament, loin des appareils. Personne, pas même le relais, ne peut réinitialiser votre accès.
kit-record = Identifiant du carnet
kit-relay = Adresse du relais
kit-no-relay = sans relais
kit-use = Pour retrouver le carnet : sur un nouvel appareil, lancez « carnet recovery restore --id CARNET --relay RELAIS » avec ce qui est écrit ci-dessus, et tapez les mots dans l'ordre. Sans relais, donnez « --from » et un fichier écrit par un appareil (« carnet sync --file »). Le code ci-contre dit la même chose que cette feuille.

## Échecs : ce qui s'est passé, ce que cela veut dire pour vos données, ce qu'il faut faire

error-already-here = Ce carnet est déjà sur cet appareil.
    .meaning = Rien n'a été fait.
    .hint = « carnet status » liste les carnets de cet appareil ; « carnet sync » met celui-ci à jour. Pour l'avoir une seconde fois sur cette machine, prenez un autre dossier : --vault.
error-archive-version = { $path } a été fait par une version plus récente de Carnet.
    .meaning = Rien n'en a été lu ni enregistré.
    .hint = Installez une version plus récente de Carnet, puis importez-le de nouveau.
error-bad-blood-group = Ce groupe sanguin n'existe pas.
    .meaning = Rien n'a été enregistré.
    .hint = Écrivez A+, A-, B+, B-, AB+, AB-, O+ ou O-.
error-bad-code = Le code donné à « { $option } » n'est pas compris.
    .meaning = Rien n'a été enregistré.
    .hint = Écrivez SYSTÈME|CODE, par exemple cim10|E11.9 ; un code CIP a 7 ou 13 chiffres.
error-bad-date = La date donnée à « { $option } » n'est pas comprise.
    .meaning = Rien n'a été enregistré.
    .hint = Écrivez 2019, 2019-05 ou 2019-05-03 ; pour une heure, 2019-05-03T08:30, ou avec son décalage, 2019-05-03T08:30:00+02:00.
error-bad-duration = La durée donnée à « { $option } » n'est pas comprise.
    .meaning = Rien n'a été fait.
    .hint = Écrivez un nombre suivi de s, m, h ou d : 15m, 8h, 2d.
error-bad-json = Le JSON n'est pas compris : il faut une entrée, ou une liste d'entrées, d'un genre que cette commande connaît, sans champ inconnu.
    .meaning = Rien n'a été enregistré.
    .hint = Prenez pour modèle une entrée affichée avec --json.
error-bad-name = Ce nom est vide, trop long, ou contient un caractère invisible.
    .meaning = Rien n'a été fait.
    .hint = Choisissez un nom d'au plus 50 caractères.
error-bad-number = Le nombre donné à « { $option } » n'est pas compris.
    .meaning = Rien n'a été enregistré.
    .hint = Écrivez 72,4 ou 72.4, sans unité ni espace.
error-bad-record-id = L'identifiant du carnet n'est pas compris.
    .meaning = Rien n'a été fait.
    .hint = Copiez-le en entier, tel que la feuille du kit le donne : 64 lettres et chiffres.
error-bad-relay = L'adresse du relais n'est pas comprise.
    .meaning = Rien n'a été fait.
    .hint = Copiez-la en entier, telle que le relais l'affiche au démarrage.
error-bad-length = La durée donnée à « { $option } » n'est pas comprise.
    .meaning = Rien n'a été enregistré.
    .hint = Écrivez un nombre suivi de j, s, m ou a : 3j, 2s, 1m, 1a.
error-bad-time = L'heure donnée à « { $option } » n'est pas comprise.
    .meaning = Rien n'a été enregistré.
    .hint = Écrivez l'heure et les minutes sur quatre chiffres : 08:00, 20:30.
error-bad-zone = Ce fuseau horaire n'existe pas.
    .meaning = Rien n'a été fait.
    .hint = Écrivez un nom de la base tz, par exemple Europe/Paris.
error-bundle-too-large = Ce qui est demandé dépasse ce qui se lit en un seul Bundle FHIR (64 Mio).
    .meaning = Rien n'a été écrit.
    .hint = Choisissez des rubriques (--section) ou des dates (--from, --to), ou l'export « archive ».
error-busy = Une autre commande utilise le coffre.
    .meaning = Ce qui avait été annoncé comme enregistré l'est ; cette commande n'a rien changé.
    .hint = Attendez qu'elle finisse, ou terminez-la (Ctrl-C) si c'est « carnet sync --watch », qui garde le coffre tant qu'elle tourne ; puis recommencez.
error-carnet-archive = { $path } est une archive de Carnet abîmée, modifiée, ou d'une autre version.
    .meaning = Rien n'a été enregistré.
    .hint = Reprenez l'export sur l'appareil d'origine, ou la version de Carnet qui l'a écrit.
error-codes-differ = Les deux codes n'ont pas été déclarés identiques.
    .meaning = L'appairage est abandonné : aucun accès n'a été donné, rien n'a été reçu.
    .hint = Si les codes étaient différents, quelqu'un s'est peut-être glissé entre les deux appareils : recommencez avec une nouvelle invitation, de préférence côte à côte.
error-config-invalid = Le fichier de réglages { $path } n'est pas compris : { $reason }.
    .meaning = Aucun coffre n'a été ouvert.
    .hint = Corrigez le fichier ou retirez-le. Clés connues : vault, record, language, relay, zone.
error-confirmation-needed = Une confirmation est nécessaire, et il n'y a pas de terminal pour la demander.
    .meaning = Rien n'a été fait.
    .hint = Si vous êtes sûr, ajoutez --yes.
error-damaged = Le coffre est endommagé : une partie ne correspond plus à ce qui a été écrit.
    .meaning = Rien de douteux n'a été montré comme vrai ; rien n'a été modifié.
    .hint = Copiez le dossier du coffre en lieu sûr, lancez « carnet doctor --deep », puis reprenez une copie ou un autre appareil.
error-demo-differs = La démonstration n'a pas tenu : les deux appareils diffèrent, ou un texte connu est lisible au relais, ou la recherche n'a rien prouvé.
    .meaning = Aucune de vos données n'est en jeu : tout y est inventé.
    .hint = Signalez-le avec ce qui est affiché ci-dessus.
error-demo-step = La démonstration s'est arrêtée à « { $step } » : { $message }
    .meaning = Aucune de vos données n'est en jeu : tout y est inventé.
    .hint = Relancez-la ; si elle s'arrête encore, signalez-le avec cette phrase.
error-device-key-missing = La clé d'un des appareils du carnet manque ici : rien ne peut être scellé pour lui.
    .meaning = Rien n'a été modifié et rien n'est endommagé. Un relais qui donne une autre clé, ou aucune, en est la cause.
    .hint = Rejoignez directement un autre appareil du carnet, ou par un fichier d'échange, puis recommencez.
error-device-unknown = Aucun appareil, ou plusieurs, ont cet identifiant.
    .meaning = Rien n'a été fait.
    .hint = « carnet device list » donne les identifiants ; six caractères suffisent s'ils sont sans ambiguïté.
error-devices-full = Ce carnet a autant d'appareils qu'il peut en avoir.
    .meaning = L'appareil n'a pas été ajouté ; le carnet n'a pas changé.
    .hint = Retirez un appareil qui ne sert plus, avec « carnet device remove », puis recommencez l'appairage.
error-disk-failed = Le disque a échoué.
    .meaning = Ce qui avait été annoncé comme enregistré l'est ; cette commande n'a rien changé.
    .hint = Vérifiez le disque, puis recommencez ; « carnet doctor --deep » dit si le coffre est intact.
error-disk-full = Le disque est plein.
    .meaning = Ce qui avait été annoncé comme enregistré l'est ; cette commande n'a rien changé.
    .hint = Libérez de la place, puis recommencez.
error-entry-too-large = Cette entrée est trop grande.
    .meaning = Rien n'a été enregistré.
    .hint = Mettez le texte long dans un document.
error-entry-ambiguous = Cet identifiant est trop court, ou plusieurs entrées commencent par lui.
    .meaning = Rien n'a été fait.
    .hint = Donnez-en au moins six caractères, et davantage s'il le faut ; « show » et --json le donnent en entier.
error-entry-unknown = Aucune entrée que cette commande connaît n'a cet identifiant.
    .meaning = Rien n'a été fait.
    .hint = Copiez-le tel que la liste de cette commande l'affiche ; « carnet timeline --all » les a tous.
error-file-not-here = Le contenu de ce document n'est pas sur cet appareil.
    .meaning = Ce qui est écrit à son sujet est là, et cette commande n'a rien perdu.
    .hint = Lancez « carnet sync » : un appareil ou un relais qui a le contenu le donne. Si aucun ne l'a, ajoutez de nouveau le fichier avec « carnet document add ».
error-files-damaged = { $count ->
        [one] Un fichier joint est perdu ou altéré sur cet appareil.
       *[other] { $count } fichiers joints sont perdus ou altérés sur cet appareil.
    }
    .meaning = Tout le reste a été relu et est intact, les entrées de ces documents aussi. Ce qui reste des fichiers a été mis de côté, rien n'a été jeté.
    .hint = Lancez « carnet sync » : un appareil ou un relais qui les a les redonne. Si aucun ne les a, ajoutez de nouveau les originaux avec « carnet document add ».
error-exchange-version = Ce fichier d'échange a été fait par une version plus récente de Carnet.
    .meaning = Rien n'en a été lu, et le carnet n'a pas changé.
    .hint = Installez une version plus récente de Carnet sur cet appareil, puis reprenez le fichier.
error-file-exists = { $path } existe déjà.
    .meaning = Il n'a pas été remplacé.
    .hint = Choisissez un autre nom, ou retirez ce fichier.
error-file-refused = { $path } est abîmé, ou n'est pas ce qu'il prétend être.
    .meaning = Rien de ce fichier n'a été gardé.
    .hint = Refaites l'export à la source, puis recommencez.
error-file-shared = Le fichier { $path } peut être lu par d'autres comptes de cette machine.
    .meaning = Le coffre est resté fermé ; rien n'a été lu ni modifié.
    .hint = Réservez-le à votre compte (chmod 600), puis choisissez une autre phrase de passe si quelqu'un a pu la lire.
error-file-too-heavy = { $path } demande plus de temps ou de mémoire que ce qui est accepté.
    .meaning = Rien de ce fichier n'a été gardé.
    .hint = Découpez-le, ou refaites l'export à la source.
error-file-unreadable = Le fichier { $path } n'a pas pu être lu : { $reason }.
    .meaning = Rien n'a été enregistré.
    .hint = Vérifiez le chemin et vos droits, puis recommencez.
error-file-unwritable = { $path } n'a pas pu être écrit : { $reason }.
    .meaning = Il n'en reste rien d'incomplet ; le coffre n'a pas changé.
    .hint = Vérifiez le chemin, la place et vos droits, puis recommencez.
error-files-refused = { $count ->
        [one] Un fichier n'a pas été pris.
       *[other] { $count } fichiers n'ont pas été pris.
    }
    .meaning = Les autres ont été enregistrés.
    .hint = La raison de chacun est ci-dessus, ou dans « failed » avec --json.
error-format-unknown = Le format de { $path } n'est pas lu ({ $format }).
    .meaning = Rien de ce fichier n'a été gardé.
    .hint = Exportez dans un autre format, ou gardez le fichier comme document s'il s'agit d'un PDF, d'une image ou d'un texte.
error-interrupted = La commande a été interrompue.
    .meaning = Ce qui avait été annoncé comme enregistré l'est ; ce qui était en cours n'a pas été fait.
    .hint = Relancez-la quand vous voudrez.
error-invitation-ended = L'autre côté a mis fin à l'invitation, ou quelqu'un d'autre s'en est servi.
    .meaning = Aucun accès n'a été donné et rien n'a été reçu ; il n'en reste rien sur cet appareil.
    .hint = Demandez à l'autre personne si les chiffres étaient identiques sur les deux écrans. Sinon, quelqu'un s'est peut-être glissé entre les deux : recommencez avec une nouvelle invitation, de préférence côte à côte.
error-key-store = La réserve de clés du système a refusé : { $reason }.
    .meaning = Le coffre n'a pas changé.
    .hint = Dans un conteneur, l'appel système est souvent interdit ; déverrouillez alors à chaque commande.
error-keyring = Le trousseau de votre compte n'a pas pris de clé, ou pas comme il le devrait : { $why }.
    .meaning = Le coffre n'a pas changé, et aucun n'a été créé.
    .hint = Relancez la commande sans --keystore : la phrase de passe ouvre le coffre. Quand le trousseau marchera de nouveau, « carnet unlock --keystore » l'ajoutera.
error-keyring-locked = Le trousseau de votre compte est verrouillé.
    .meaning = Le coffre n'a pas changé, et aucun n'a été créé.
    .hint = Déverrouillez le trousseau, comme le fait l'ouverture de votre session de bureau, et relancez la commande ; ou relancez-la sans --keystore.
error-keyring-passed-over = Le trousseau de votre compte n'a pas ouvert le coffre ({ $why }), et sans terminal la phrase de passe ne peut pas être demandée.
    .meaning = Le coffre est resté fermé ; rien n'a été lu ni changé.
    .hint = Donnez la phrase de passe avec --passphrase-file ou --passphrase-fd, ou relancez la commande dans un terminal.
error-kit-does-not-fit = La feuille du kit de secours ne tient pas sur une page.
    .meaning = Le carnet existe, mais son kit de secours n'a pas été écrit.
    .hint = Signalez-le : c'est une faute du programme.
error-kit-forestalled = Un autre appareil a fait un nouveau kit de secours au même moment, et le relais a reçu le sien d'abord.
    .meaning = Le carnet est entier, et la feuille que l'autre appareil a faite l'ouvre. Celle faite ici n'ouvre rien ; si elle était dans un fichier, il a été retiré.
    .hint = Rangez la feuille de l'autre appareil et détruisez toutes les précédentes. Pour la remplacer, relancez la commande avec ses mots.
error-kit-needs-place = Le kit de secours doit aller quelque part, et il n'y a pas de terminal pour le montrer.
    .meaning = Rien n'a été fait.
    .hint = Donnez un nouveau fichier PDF : « init --kit-out FICHIER.pdf », « recovery kit --out FICHIER.pdf ». « init --no-kit » n'en fait pas, si vous acceptez qu'un carnet perdu le soit pour toujours.
error-kit-not-read-back = Les mots du nouveau kit n'ont pas été tapés tels qu'ils sont sur la feuille.
    .meaning = Rien n'a changé : le kit actuel ouvre toujours le carnet, et la nouvelle feuille n'ouvre rien ; son fichier a été retiré.
    .hint = Relancez la commande, et recopiez ou imprimez les mots avant de les taper.
error-kit-of-other = Ce kit de secours n'ouvre pas ce carnet : il est d'un autre, ou a été remplacé.
    .meaning = Rien n'a été fait.
    .hint = Vérifiez l'identifiant et la date imprimés sur la feuille : seule la plus récente de ce carnet l'ouvre.
error-kit-words = Ces mots ne forment pas un kit de secours.
    .meaning = Rien n'a été fait.
    .hint = Relisez la feuille : 24 mots, dans l'ordre des groupes ; les quatre premières lettres de chacun suffisent.
error-log-broken = Le journal d'accès ne tient plus à partir de la ligne { $line } d'un appareil.
    .meaning = Vos entrées ne sont pas touchées ; mais des lignes ont été ôtées, changées ou déplacées.
    .hint = Comparez avec le journal d'un autre appareil, et gardez une copie de ce dossier.
error-name-needed = Il manque le nom du carnet.
    .meaning = Aucun carnet n'a été créé.
    .hint = Donnez --name.
error-no-answer = Aucune réponse n'est arrivée.
    .meaning = Rien n'a été fait.
    .hint = Relancez la commande dans un terminal, ou donnez la réponse sur l'entrée standard.
error-no-home = Le dossier personnel est inconnu, et aucun coffre n'est désigné.
    .meaning = Rien n'a été lu ni écrit.
    .hint = Indiquez le dossier du coffre avec --vault ou CARNET_VAULT.
error-no-key-store = Ce système n'a pas de réserve de clés que Carnet sache utiliser.
    .meaning = Le coffre n'a pas changé.
    .hint = Le coffre s'ouvre à chaque commande avec sa phrase de passe.
error-no-keyring = Aucun trousseau n'est en service pour votre compte sur cette machine : aucun ne peut garder de clé.
    .meaning = Le coffre n'a pas changé, et aucun n'a été créé.
    .hint = Relancez la commande sans --keystore : la phrase de passe ouvre le coffre, et « carnet unlock --for » le laisse ouvert un temps. Sur un bureau qui a un trousseau (GNOME Keyring, KWallet, KeePassXC), « carnet unlock --keystore » l'ajoutera plus tard.
error-no-locks = Ce disque ne sait pas verrouiller de fichiers : deux commandes pourraient écrire en même temps.
    .meaning = Le coffre est resté fermé ; rien n'a été lu ni modifié.
    .hint = Mettez le coffre sur un disque local.
error-no-memory = La mémoire libre ne suffit pas pour ouvrir le coffre.
    .meaning = Le coffre est resté fermé ; rien n'a été lu ni modifié.
    .hint = Fermez d'autres programmes, puis recommencez.
error-no-network = Cette machine n'ouvre pas de port réseau, ou n'a pas de chemin vers là où il fallait envoyer : { $reason }.
    .meaning = Rien n'a été échangé ; le carnet n'a pas changé.
    .hint = Vérifiez que ce compte a droit au réseau, puis recommencez.
error-no-record = Il n'y a pas de carnet, ou plusieurs sans carnet par défaut.
    .meaning = Rien n'a été fait.
    .hint = Créez-en un avec « carnet init », ou désignez-en un avec --record.
error-no-relay = Ce carnet n'a pas de relais.
    .meaning = Rien n'a été échangé ; le carnet est entier sur cet appareil.
    .hint = Donnez-lui un relais avec « carnet sync --relay ADRESSE ».
error-no-terminal = Une phrase de passe est nécessaire, et il n'y a pas de terminal pour la demander.
    .meaning = Le coffre est resté fermé ; rien n'a été lu ni modifié.
    .hint = Donnez --passphrase-file ou --passphrase-fd, ou lancez la commande dans un terminal.
error-no-vault = Il n'y a pas de coffre dans { $folder }.
    .meaning = Rien n'a été créé.
    .hint = Créez-en un avec « carnet init », ou indiquez le bon dossier avec --vault.
error-no-worker = Sur ce système, Carnet ne sait pas encore lire de fichiers venus d'ailleurs en sécurité.
    .meaning = Rien n'a été enregistré.
    .hint = Importez-le sur un appareil sous Linux ; il arrivera ici par la synchronisation.
error-not-a-document = { $path } contient des données, et n'est pas un simple document.
    .meaning = Rien n'a été enregistré.
    .hint = Prenez-le avec « carnet import ».
error-not-a-file = { $path } n'est pas un fichier ordinaire.
    .meaning = Rien n'a été enregistré.
    .hint = Donnez un fichier ou un dossier.
error-not-a-ticket = Ce n'est pas une invitation de cette version de Carnet, ou le code contient une faute.
    .meaning = Rien n'a été échangé.
    .hint = Relisez le code, ou demandez une nouvelle invitation.
error-not-a-vault = Ce dossier ne contient pas de coffre lisible.
    .meaning = Rien n'a été lu ni modifié.
    .hint = Vérifiez le dossier ; si le coffre y était, reprenez une copie ou un autre appareil.
error-nobody-near = Aucun autre appareil du carnet ne s'est fait entendre sur le réseau local.
    .meaning = Rien n'a été échangé ; le carnet n'a pas changé.
    .hint = Lancez « carnet sync --watch --local » sur l'autre appareil, sur le même réseau. Certains réseaux ne laissent aucun appareil en entendre un autre : donnez alors l'adresse qu'il affiche, avec --peer.
error-no-other-device = Ce carnet n'a pas d'autre appareil.
    .meaning = Il n'y a personne à trouver sur le réseau local ; le carnet est entier sur cet appareil.
    .hint = Ajoutez-en un avec « carnet pair invite ».
error-not-admitted = L'autre côté ne reconnaît pas cet appareil : pas encore admis, retiré, ou carnet inconnu là-bas.
    .meaning = Ce qui est sur cet appareil y reste ; rien de nouveau n'est venu.
    .hint = Si l'admission vient d'être donnée, lancez « carnet sync » ; sinon demandez une nouvelle invitation.
error-not-confirmed = Vous n'avez pas confirmé.
    .meaning = Rien n'a été fait.
    .hint = Relancez la commande quand vous serez sûr.
error-not-granted = Cet appareil n'a pas le droit de faire cela dans ce carnet.
    .meaning = Rien n'a été fait.
    .hint = Demandez à un responsable du carnet.
error-nothing-to-import = Il n'y a rien à prendre dans { $path }.
    .meaning = Rien n'a été enregistré.
    .hint = Vérifiez que le fichier est le bon et qu'il est complet.
error-not-of-kind = { $path } n'est pas du genre demandé.
    .meaning = Rien n'a été enregistré.
    .hint = Sans --kind, Carnet reconnaît lui-même le genre du fichier.
error-other-person = { $path } parle d'une autre personne que ce carnet.
    .meaning = Rien n'a été enregistré : les données de deux personnes ne se mélangent pas.
    .hint = Choisissez le bon carnet avec --record. Si c'est bien la même personne, ajoutez --accept-other-person.
error-other-relay = Ce carnet a déjà un autre relais.
    .meaning = Rien n'a été échangé ; le carnet n'a pas changé.
    .hint = Lancez « carnet sync » sans --relay.
error-other-side-silent = L'autre appareil n'a pas répondu à temps : personne n'y a dit oui ni non, ou la commande y a été arrêtée.
    .meaning = Rien n'est venu. Si les chiffres ont été confirmés ici, cet appareil garde pour l'instant sa place dans le carnet.
    .hint = Si l'autre personne a dit oui entre-temps, lancez « carnet sync ». Sinon recommencez : « carnet pair invite » là-bas, puis « carnet pair join » ici avec la nouvelle invitation.
error-ours = Le programme a rencontré une de ses propres fautes : { $reason }.
    .meaning = Ce qui avait été annoncé comme enregistré l'est ; cette commande n'a rien changé.
    .hint = Signalez-le avec cette phrase et la version (« carnet --version »).
error-own-device = Un appareil ne peut pas se retirer lui-même.
    .meaning = Rien n'a été fait.
    .hint = Retirez-le depuis un autre appareil du carnet.
error-pairing-altered = Un message de l'appairage a été changé en route, ou vient d'une autre invitation.
    .meaning = L'appairage est abandonné : aucun accès n'a été donné.
    .hint = Recommencez avec une nouvelle invitation, remise en mains propres.
error-partly-refused = { $count ->
        [one] Une ligne a été refusée.
       *[other] { $count } lignes ont été refusées.
    }
    .meaning = Tout le reste a été enregistré.
    .hint = Les raisons et les endroits sont dans le bilan ; --report FICHIER le donne en entier.
error-passphrase-length = La phrase de passe est vide, trop longue, ou n'est pas du texte.
    .meaning = Le coffre n'a pas changé.
    .hint = Donnez une phrase de passe d'une seule ligne.
error-passphrase-weak = Cette phrase de passe serait trop facile à deviner.
    .meaning = Le coffre n'a pas changé.
    .hint = Prenez-en une d'au moins neuf caractères, sans suite ni date : quatre ou cinq mots sans lien conviennent.
error-passphrases-differ = Les deux saisies de la nouvelle phrase de passe sont différentes.
    .meaning = Le coffre n'a pas changé.
    .hint = Recommencez, sans vous presser.
error-peer-malformed = L'autre côté n'a pas envoyé ce que le protocole prévoit.
    .meaning = Ce qui a été échangé avant est gardé ; rien de douteux n'a été pris.
    .hint = Vérifiez l'adresse et les versions des deux côtés, puis recommencez.
error-read-only = Le disque, ou le dossier du coffre, est en lecture seule.
    .meaning = Ce qui avait été annoncé comme enregistré l'est ; cette commande n'a rien changé.
    .hint = Rendez-le accessible en écriture à votre compte, puis recommencez.
error-record-ambiguous = Plusieurs carnets portent ce nom.
    .meaning = Rien n'a été fait.
    .hint = Désignez-le par son identifiant ; « carnet record list » les donne.
error-record-exists = Un carnet porte déjà ce nom.
    .meaning = Rien n'a été fait.
    .hint = Choisissez un autre nom.
error-record-unknown = Aucun carnet ne porte ce nom ni cet identifiant.
    .meaning = Rien n'a été fait.
    .hint = « carnet record list » donne les noms.
error-relay-alarm = Le relais n'agit pas comme un relais honnête : { $what }.
    .meaning = Cet appareil garde son propre état ; rien n'y a été perdu ni défait.
    .hint = Comparez avec un autre appareil et demandez à qui tient le relais ; ensuite seulement, « carnet sync --trust-again ».
error-relay-contradicted = Le relais et un appareil de ce carnet se contredisent : { $what }.
    .meaning = L'un des deux dit ce qui n'est pas ; lequel, rien ne le prouve. Tout a été échangé ; rien n'est perdu ni défait.
    .hint = « carnet status » nomme l'appareil. S'il n'est plus dans vos mains, retirez-le (« carnet device remove ») : cela y met fin. Sinon, échangez sans relais entre vos appareils (« carnet sync --peer » ou « --file ») et demandez à qui tient le relais ; ensuite seulement, « carnet sync --trust-again », sur chaque appareil qui le dit.
error-relay-refuses = Le relais refuse la demande ({ $reason }).
    .meaning = Ce qui reste à envoyer est gardé sur cet appareil.
    .hint = Recommencez plus tard ; si cela dure, demandez à qui tient le relais.
error-relay-unseen = Cet appareil n'a pas joint le relais du carnet ces sept derniers jours.
    .meaning = Rien n'a été fait : le relais refuserait le retrait.
    .hint = Lancez « carnet sync », puis recommencez.
error-removals-full = Ce carnet compte autant de retraits d'appareils qu'il peut en avoir.
    .meaning = Rien n'a été fait.
    .hint = Commencez un nouveau carnet et importez-y un export de celui-ci.
error-rules = { $rules }
    .meaning = Rien n'a été enregistré.
    .hint = Corrigez la saisie et recommencez.
error-rules-ahead = Ces règles portent une date à venir, le { $date }.
    .meaning = Elles ne sont pas prises ; les règles suivies restent les mêmes.
    .hint = Vérifiez l'horloge de cet appareil, ou d'où vient le fichier.
error-rules-form = Ce fichier n'est pas un fichier de règles signé que Carnet peut suivre (à { $place }).
    .meaning = Il n'est pas pris ; les règles suivies restent les mêmes.
    .hint = Demandez-le de nouveau à qui le publie. La forme est décrite dans docs/format.md.
error-rules-not-newer = Ces règles ne sont pas plus récentes que celles du { $kept }, qui sont suivies.
    .meaning = Elles ne sont pas prises ; les règles suivies restent les mêmes.
    .hint = « agenda rules » montre les règles suivies.
error-rules-signature = La signature de ces règles ne tient pas : elles ont été changées, ou signées par un autre que celui que vous avez accepté.
    .meaning = Elles ne sont pas suivies ; celles qui le sont restent les mêmes.
    .hint = Demandez le fichier de nouveau à qui le publie, et comparez l'empreinte de sa clé.
error-ticket-closed = Cette invitation a déjà servi, ou n'est plus valable.
    .meaning = Aucun accès n'a été donné.
    .hint = Demandez une nouvelle invitation.
error-ticket-needs-place = L'invitation doit aller quelque part, et il n'y a pas de terminal pour la montrer.
    .meaning = Aucune invitation n'a été faite.
    .hint = Donnez --ticket-out FICHIER ; un code à dicter ne se montre que sur un terminal, sans --json.
error-too-large = { $path } est trop grand.
    .meaning = Rien n'a été enregistré.
    .hint = Découpez-le, puis recommencez.
error-too-many-files = Il y a plus de { $max } fichiers.
    .meaning = Rien n'a été enregistré.
    .hint = Importez les dossiers en plusieurs fois.
error-unlock-too-long = Le coffre ne peut pas rester ouvert plus de sept jours.
    .meaning = Le coffre n'a pas changé.
    .hint = Donnez une durée plus courte.
error-unreachable = Personne ne répond à cette adresse, ou la liaison s'est coupée.
    .meaning = Ce qui a été échangé avant est gardé ; le reste attend sur cet appareil.
    .hint = Vérifiez le réseau et que le relais tourne, puis recommencez.
error-usage = { $what }
    .meaning = Rien n'a été fait.
    .hint = « carnet --help » donne la liste des commandes ; « carnet COMMANDE --help », celle de leurs options.
error-vault-exists = Il y a déjà un coffre à cet endroit.
    .meaning = Le coffre n'a pas changé.
    .hint = Ouvrez-le, ou choisissez un autre dossier.
error-vault-version = Ce coffre a le format { $version }, que cette version de Carnet ne connaît pas.
    .meaning = Rien n'a été lu ni modifié.
    .hint = Installez une version plus récente de Carnet.
error-waiting = Cet appareil attend encore son admission dans le carnet, ou sa première synchronisation.
    .meaning = Rien n'a été fait.
    .hint = Terminez l'appairage, puis lancez « carnet sync ».
error-worker-failed = Le lecteur de fichiers s'est arrêté de façon inattendue.
    .meaning = Rien n'a été enregistré.
    .hint = Recommencez ; si cela se répète, signalez-le sans joindre le fichier.
error-wrong-passphrase = La phrase de passe n'ouvre pas ce coffre.
    .meaning = Le coffre est resté fermé ; rien n'a été lu ni modifié.
    .hint = Vérifiez la saisie, la langue du clavier et le dossier. Personne ne peut réinitialiser une phrase de passe ; le kit de secours rouvre le carnet sur un appareil neuf.
