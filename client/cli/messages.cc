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
    {"erased", "borrado", "apagado", "effacé"},
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
    {"no quorum of witnesses has vouched for the log since $0",
     "ningún quórum de testigos ha respondido del registro desde $0",
     "nenhum quórum de testemunhas respondeu pelo registro desde $0",
     "aucun quorum de témoins n'a répondu du registre depuis $0"},
    {"witnesses vouched last at $0 by their clocks, and this computer's clock "
     "says $1: set it if it is wrong; if it is right, the server keeps "
     "something back, or witnesses are away",
     "los testigos respondieron por última vez a las $0 según sus relojes, y "
     "el reloj de este equipo dice $1: ajústelo si está mal; si está bien, el "
     "servidor retiene algo o faltan testigos",
     "as testemunhas responderam pela última vez às $0 pelos seus relógios, e "
     "o relógio deste computador diz $1: acerte-o se estiver errado; se "
     "estiver certo, o servidor retém algo ou faltam testemunhas",
     "les témoins ont répondu en dernier à $0 selon leurs horloges, et "
     "l'horloge de cet ordinateur dit $1: réglez-la si elle est fausse; si "
     "elle est juste, le serveur retient quelque chose ou des témoins "
     "manquent"},
    {"a quorum of witnesses vouches for the log again, at $0",
     "un quórum de testigos responde de nuevo del registro, a las $0",
     "um quórum de testemunhas responde de novo pelo registro, às $0",
     "un quorum de témoins répond de nouveau du registre, à $0"},
    {"the receipt and its statement are well-formed",
     "el recibo y su declaración están bien formados",
     "o recibo e a sua declaração estão bem formados",
     "le reçu et sa déclaration sont bien formés"},
    {"the log $0 signed the checkpoint of $1 entries",
     "el registro $0 firmó el punto de control de $1 entradas",
     "o registro $0 assinou o ponto de controle de $1 entradas",
     "le registre $0 a signé le point de contrôle de $1 entrées"},
    {"a quorum of witnesses cosigned it ($0 cosignatures)",
     "un quórum de testigos lo refrendó ($0 firmas)",
     "um quórum de testemunhas o referendou ($0 assinaturas)",
     "un quorum de témoins l'a contresigné ($0 signatures)"},
    {"the log has the statement at position $0",
     "el registro tiene la declaración en la posición $0",
     "o registro tem a declaração na posição $0",
     "le registre a la déclaration à la position $0"},
    {"the certificate is that of $0's signer, under the root",
     "el certificado es del firmante de $0, bajo la raíz",
     "o certificado é do signatário de $0, sob a raiz",
     "le certificat est celui du signataire de $0, sous la racine"},
    {"its key signed the statement, number $0",
     "su clave firmó la declaración, número $0",
     "a sua chave assinou a declaração, número $0",
     "sa clé a signé la déclaration, numéro $0"},
    {"the payload is the one that was signed",
     "el contenido es el que se firmó", "o conteúdo é o que foi assinado",
     "le contenu est celui qui a été signé"},
    {"without the payload, which you may not read",
     "sin el contenido, que usted no puede leer",
     "sem o conteúdo, que você não pode ler",
     "sans le contenu, que vous ne pouvez pas lire"},
    {"entries verified", "entradas verificadas", "entradas verificadas",
     "entrées vérifiées"},
    {"entries exported", "entradas exportadas", "entradas exportadas",
     "entrées exportées"},
    {"the whole log verifies", "todo el registro se verifica",
     "todo o registro se verifica", "tout le registre se vérifie"},
    {"$0 entries are in $1, $2 of them new",
     "hay $0 entradas en $1, $2 de ellas nuevas",
     "há $0 entradas em $1, $2 delas novas",
     "$0 entrées sont dans $1, dont $2 nouvelles"},
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
