#include "cli/messages.h"

#include <array>
#include <cstddef>
#include <cstdlib>

namespace gaceta::cli {
namespace {

constexpr std::size_t kPhrases = static_cast<std::size_t>(Phrase::kCount);

// One phrase: English, Spanish, Portuguese, French, as in Language.
using Row = std::array<absl::string_view, 4>;

// In the order of Phrase.
constexpr std::array<Row, kPhrases> kCatalog = {{
    {"error", "error", "erro", "erreur"},
    {"warning", "aviso", "aviso", "avertissement"},
    {"published", "publicado", "publicado", "publié"},
    {"already published", "ya publicado", "já publicado", "déjà publié"},
    {"pending", "pendiente", "pendente", "en attente"},
    {"refused", "rechazado", "recusado", "refusé"},
    {"invalid", "no válido", "inválido", "non valide"},
    {"valid", "válido", "válido", "valide"},
    {"$0 published, $1 pending, $2 with errors, $3 done before",
     "$0 publicados, $1 pendientes, $2 con errores, $3 ya hechos",
     "$0 publicados, $1 pendentes, $2 com erros, $3 já feitos",
     "$0 publiés, $1 en attente, $2 en erreur, $3 déjà faits"},
    {"left out $0 updates of other states; this profile is of $1",
     "se omiten $0 actualizaciones de otros Estados; este perfil es de $1",
     "omitidas $0 atualizações de outros Estados; este perfil é de $1",
     "$0 mises à jour d'autres États laissées de côté; ce profil est de $1"},
    {"$0 speaks of submissions that this node does not know; all are sent",
     "$0 habla de envíos que este nodo no conoce; se envía todo",
     "$0 fala de envios que este nó não conhece; tudo é enviado",
     "$0 parle d'envois que ce nœud ne connaît pas; tout est envoyé"},
    {"uploading $0", "subiendo $0", "enviando $0", "envoi de $0"},
    {"verified", "verificado", "verificado", "vérifié"},
    {"restricted", "restringido", "restrito", "restreint"},
    {"VERIFICATION FAILED: $0", "FALLÓ LA VERIFICACIÓN: $0",
     "A VERIFICAÇÃO FALHOU: $0", "ÉCHEC DE LA VÉRIFICATION: $0"},
    {"up to date at position $0; waiting for more",
     "al día en la posición $0; esperando más",
     "em dia na posição $0; esperando mais",
     "à jour à la position $0; en attente de la suite"},
    {"connection lost ($0); trying again",
     "conexión perdida ($0); se intenta de nuevo",
     "conexão perdida ($0); nova tentativa",
     "connexion perdue ($0); nouvelle tentative"},
}};

}  // namespace

Language LanguageOfLocale(absl::string_view locale) {
  const absl::string_view language = locale.substr(0, 2);
  const bool whole =
      locale.size() == 2 ||
      (locale.size() > 2 &&
       (locale[2] == '_' || locale[2] == '-' || locale[2] == '.'));
  if (!whole) return Language::kEnglish;
  if (language == "es") return Language::kSpanish;
  if (language == "pt") return Language::kPortuguese;
  if (language == "fr") return Language::kFrench;
  return Language::kEnglish;
}

Language LanguageOfEnvironment() {
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return LanguageOfLocale(value);
  }
  return Language::kEnglish;
}

absl::string_view Say(Language language, Phrase phrase) {
  return kCatalog[static_cast<std::size_t>(phrase)]
                 [static_cast<std::size_t>(language)];
}

}  // namespace gaceta::cli
